#pragma once
// Files and names that survive a crash once a function here has returned.

#include <cerrno>
#include <filesystem>

namespace tev {

/// Throws what a failed call of the system means: "<path>: <doing> failed (<reason>)."
/// @throws Error  always; a full disk comes with its advice
[[noreturn]] void fail_file(const std::filesystem::path& path, const char* doing, int error);

/// Calls again what a signal interrupted.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// A file descriptor that is closed at the end of the scope.
class Descriptor {
 public:
  /// open(2), called again when interrupted; number() is negative, with errno set, if it fails.
  Descriptor(const std::filesystem::path& path, int flags);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

/// Forces the content of a closed file to the disk.
void sync_file(const std::filesystem::path& path);

/// Forces the entries of a folder (names, not contents) to the disk.
void sync_directory(const std::filesystem::path& directory);

/// Renames and forces the folder's entry to the disk.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tev
