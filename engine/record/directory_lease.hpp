#pragma once
// One writer at a time in a directory.

#include <filesystem>
#include <string>

namespace tev {

/// A file `lease` that names host and process; made by link(2), which is atomic on network file systems too (their
/// byte-range locks are not to be relied upon). A lease of this host whose process is gone, a killed run, is taken
/// over.
class DirectoryLease {
 public:
  /// @param another  what to choose instead, for messages
  /// @throws InputError  held by a living process, or by one of another host (nobody can tell from here)
  explicit DirectoryLease(const std::filesystem::path& directory, const std::string& another = "another run directory with --run DIR");
  ~DirectoryLease();
  DirectoryLease(const DirectoryLease&) = delete;
  DirectoryLease& operator=(const DirectoryLease&) = delete;

  /// Who holds the lease of a directory: "process 12 on host node7"; "" for nobody or a process that is gone.
  static std::string holder(const std::filesystem::path& directory);

 private:
  std::filesystem::path path_;
  std::string content_;
};

}  // namespace tev
