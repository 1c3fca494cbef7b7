#pragma once
// Files that survive a crash once a function here has returned.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace tev {

/// What identifies the content of a file.
struct FileStamp {
  uint64_t length = 0;
  std::string hash;  ///< XXH3, 128 bits, hexadecimal
  bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(std::string_view content);

/// A new file, written front to back. Until finish() has returned, nothing is promised about its content.
/// @throws Error  naming the path and the system's reason, from every member
class DurableFile {
 public:
  /// Creates the file or empties the one that is there.
  explicit DurableFile(std::filesystem::path path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(std::string_view bytes);

  /// Forces the content to the disk and closes.
  FileStamp finish();

 private:
  struct Hash;
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t length_ = 0;
  std::unique_ptr<Hash> hash_;
};

/// Writes a whole file and forces it to the disk.
FileStamp write_file(const std::filesystem::path& path, std::string_view content);

/// Puts a small file in place of the one that may be there: a reader sees the old or the new text, never a part.
void replace_file(const std::filesystem::path& path, std::string_view content);

/// The whole content.
/// @throws InputError  permission denied: the file may well be sound
/// @throws Error       missing or unreadable
std::string read_file(const std::filesystem::path& path);

}  // namespace tev
