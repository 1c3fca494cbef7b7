#pragma once
// Where things lie in a run directory.

#include <filesystem>
#include <string>

namespace tev {

/// Names only: nothing is created or checked.
struct RunPaths {
  std::filesystem::path root;

  std::filesystem::path config() const { return root / "config.yaml"; }  ///< resolved configuration
  std::filesystem::path provenance() const { return root / "provenance.json"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }  ///< deterministic values only
  std::filesystem::path timing() const { return root / "timing.jsonl"; }    ///< rates, waits, wall times
  std::filesystem::path status() const { return root / "status.json"; }
  std::filesystem::path log() const { return root / "log.txt"; }
  std::filesystem::path checkpoints() const { return root / "checkpoints"; }
  std::filesystem::path predictions() const { return root / "predictions"; }
  std::filesystem::path exported() const { return root / "export"; }
  std::filesystem::path report() const { return root / "report"; }
};

/// The default place of a run: runs/<stem of the configuration file>.
std::filesystem::path default_run_directory(const std::filesystem::path& config_file);

}  // namespace tev
