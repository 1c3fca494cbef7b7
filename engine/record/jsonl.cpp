#include "engine/record/jsonl.hpp"

#include "base/check.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tev {
namespace {

/// Length without a last line that a kill cut short.
int64_t whole_lines(int file, int64_t size) {
  char last;
  while (size > 0 && ::pread(file, &last, 1, size - 1) == 1 && last != '\n') --size;
  return size;
}

}  // namespace

JsonlWriter::JsonlWriter(std::filesystem::path path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  TEV_CHECK_INPUT(file_ >= 0, path_.string(), ": cannot be written (", std::strerror(errno), ").");
  const int64_t found = ::lseek(file_, 0, SEEK_END);
  size_ = whole_lines(file_, found);
  if (size_ != found && ::ftruncate(file_, size_) != 0) fail("shortening");
}

JsonlWriter::~JsonlWriter() {
  if (file_ >= 0) ::close(file_);
}

JsonlWriter::JsonlWriter(JsonlWriter&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), size_(other.size_) {}

void JsonlWriter::append(const nlohmann::ordered_json& object) {
  const std::string line = object.dump() + "\n";
  for (size_t done = 0; done < line.size();) {
    const ssize_t written = ::pwrite(file_, line.data() + done, line.size() - done, size_ + static_cast<int64_t>(done));
    if (written >= 0) {
      done += static_cast<size_t>(written);
    } else if (errno != EINTR) {
      const int error = errno;
      [[maybe_unused]] const int ignored = ::ftruncate(file_, size_);  // half a line would make the file unreadable
      errno = error;
      fail("writing");
    }
  }
  size_ += static_cast<int64_t>(line.size());
}

void JsonlWriter::truncate_to(int64_t bytes) {
  TEV_CHECK_INPUT(bytes <= size_, path_.string(), ": has ", size_, " bytes (the checkpoint was made when it had ",
                  bytes, "): lines were lost. Start again with --fresh.");
  if (::ftruncate(file_, bytes) != 0) fail("shortening");
  size_ = bytes;
}

void JsonlWriter::sync() {
  if (::fsync(file_) != 0) fail("writing to the disk");
}

void JsonlWriter::fail(const char* doing) const {
  throw Error(c10::str(path_.string(), ": ", doing, " failed (", std::strerror(errno), ").",
                       errno == ENOSPC || errno == EDQUOT ? " Free some space there." : ""));
}

}  // namespace tev
