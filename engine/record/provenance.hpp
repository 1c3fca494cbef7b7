#pragma once
// Where a result comes from.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace tev {

/// What one process adds; the machine, the time and the commit are found out when it is written.
struct Provenance {
  std::vector<std::string> command_line;
  std::string resolved_config;  ///< its hash is written
  std::string data_fingerprint;
  std::vector<std::pair<std::string, std::string>> versions;  ///< e.g. {"torch", "2.11.0"}
  int64_t threads = 0;
  int64_t from_step = 0;  ///< 0: the start, else where it continued
};

/// Adds a session to provenance.json, made if it is not there: a run may be continued on other machines.
/// @throws Error  if it cannot be written
void add_provenance(const std::filesystem::path& path, const Provenance& provenance);

/// Commit that this program was built from, or "unknown" outside of git.
std::string source_commit();

}  // namespace tev
