#include "base/durable_rename.hpp"

#include "base/check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <system_error>

namespace tev {

namespace fs = std::filesystem;

void fail_file(const fs::path& path, const char* doing, int error) {
  const char* advice = error == ENOSPC || error == EDQUOT ? " Free some space there." : "";
  throw Error(c10::str(path.string(), ": ", doing, " failed (", std::error_code(error, std::generic_category()).message(), ").", advice));
}

Descriptor::Descriptor(const fs::path& path, int flags)
    : number_(retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC); })) {}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

void sync_file(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (file.number() < 0) fail_file(path, "opening the file", errno);
  if (retry_interrupted([&] { return ::fsync(file.number()); }) != 0) fail_file(path, "writing to the disk (fsync)", errno);
}

void sync_directory(const fs::path& directory) {
  const fs::path path = directory.empty() ? fs::path(".") : directory;
  const Descriptor folder(path, O_RDONLY | O_DIRECTORY);
  if (folder.number() < 0) fail_file(path, "opening the folder", errno);
  const int result = retry_interrupted([&] { return ::fsync(folder.number()); });
  // EINVAL: a file system that has no fsync for folders (it orders renames itself).
  if (result != 0 && errno != EINVAL) fail_file(path, "writing the folder to the disk (fsync)", errno);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    fail_file(to, ("renaming " + from.filename().string() + " to it").c_str(), errno);
  sync_directory(to.parent_path());
}

}  // namespace tev
