#pragma once
// The folder that holds all that a run leaves behind.

#include "engine/record/directory_lease.hpp"
#include "engine/record/run_paths.hpp"

#include <optional>
#include <string>

namespace tev {

/// How far a run has come. `started` is also what a killed run looks like: continue it like a stopped one.
enum class RunState { absent, started, stopped, finished };

/// The state written last; `absent` where there is no run.
/// @throws InputError  a folder that is not empty and no run, a status.json that cannot be understood
RunState run_state(const std::filesystem::path& root);

/// Renames a run to the first free of <run>.old-1, <run>.old-2, ...; nothing where there is no such folder.
/// @return  the new name
/// @throws InputError  while a process writes the run
std::optional<std::filesystem::path> move_run_aside(const std::filesystem::path& root);

/// The one writer of a run, from construction to destruction.
class RunDirectory {
 public:
  /// Creates what is missing and takes the lease.
  /// @throws InputError  a folder that cannot be made or written, that is no run, or that another process writes
  explicit RunDirectory(std::filesystem::path root);

  const RunPaths& paths() const { return paths_; }

  /// Written by rename: a reader sees the old state or the new one.
  void set_state(RunState state, int64_t step);

  /// Puts the resolved configuration in place.
  void write_config(const std::string& resolved_yaml);

 private:
  RunPaths paths_;
  std::optional<DirectoryLease> lease_;
};

}  // namespace tev
