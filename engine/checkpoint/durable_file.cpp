#include "engine/checkpoint/durable_file.hpp"

#include "base/check.hpp"
#include "base/durable_rename.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tev {

namespace fs = std::filesystem;

namespace {

std::string hexadecimal(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

struct DurableFile::Hash {
  XXH3_state_t state;
};

FileStamp stamp_of(std::string_view content) {
  return {content.size(), hexadecimal(XXH3_128bits(content.data(), content.size()))};
}

DurableFile::DurableFile(fs::path path) : path_(std::move(path)), hash_(std::make_unique<Hash>()) {
  XXH3_128bits_reset(&hash_->state);
  descriptor_ = retry_interrupted([&] { return ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); });
  if (descriptor_ < 0) fail_file(path_, "creating the file", errno);
}

DurableFile::~DurableFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void DurableFile::write(std::string_view bytes) {
  XXH3_128bits_update(&hash_->state, bytes.data(), bytes.size());
  length_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = retry_interrupted([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
    if (written < 0) fail_file(path_, "writing", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

FileStamp DurableFile::finish() {
  if (retry_interrupted([&] { return ::fsync(descriptor_); }) != 0) fail_file(path_, "writing to the disk (fsync)", errno);
  // Network file systems report a full disk as late as here.
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) fail_file(path_, "closing the file", errno);
  return {length_, hexadecimal(XXH3_128bits_digest(&hash_->state))};
}

FileStamp write_file(const fs::path& path, std::string_view content) {
  DurableFile file(path);
  file.write(content);
  return file.finish();
}

void replace_file(const fs::path& path, std::string_view content) {
  const fs::path fresh = path.string() + ".tmp";
  write_file(fresh, content);
  rename_durably(fresh, path);
}

std::string read_file(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  TEV_CHECK_INPUT(file.number() >= 0 || (errno != EACCES && errno != EPERM), path.string(), ": cannot be opened (",
                  std::error_code(errno, std::generic_category()).message(), "). Give yourself the right to read it.");
  struct stat status;
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) fail_file(path, "opening", errno);
  std::string content(static_cast<size_t>(status.st_size), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = retry_interrupted([&] { return ::read(file.number(), content.data() + done, content.size() - done); });
    if (got < 0) fail_file(path, "reading", errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  content.resize(done);
  return content;
}

}  // namespace tev
