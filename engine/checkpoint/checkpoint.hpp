#pragma once
// The checkpoints of one run: complete or absent, whatever kills the program.

#include "base/messages.hpp"
#include "base/named_tensors.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tev {

/// What a checkpoint holds. The store knows names and tensors, nothing of their meaning.
struct CheckpointData {
  int64_t step = 0;
  std::map<std::string, NamedTensors> parts;  ///< part -> tensors, e.g. "model"; saved as <part>.safetensors
  nlohmann::json state;                       ///< cursor, counters, metrics so far; finite numbers only
};

/// How a store may be used. A second process that only looks must not tidy up under a running one.
enum class StoreAccess { read, write };

/// The folder <run>/checkpoints:
///   step-N/        model.safetensors, optimizer.safetensors, ..., state.json, manifest.json (lengths, hashes, best)
///   latest, best   the name of a folder; for people and scripts, rebuilt from the newest manifest
///   step-N.damaged what could not be read when a run continued, kept for inspection
///
/// A save writes step-N.tmp, forces it to the disk and renames it; older ones are deleted only after that. So at every
/// instant the newest step-N is complete, and a load that finds it damaged by other means takes the one before.
class CheckpointStore {
 public:
  /// With write access the leftovers of a killed save are removed. The folder need not exist.
  CheckpointStore(std::filesystem::path directory, Messages& messages, StoreAccess access = StoreAccess::write);

  /// Returns when the checkpoint is on the disk.
  /// @param keep_last  how many of the newest stay, at least 1; what is `best` for one of them stays as well
  /// @param is_best    makes this the best one
  /// @throws Error     naming the file and the system's reason; earlier checkpoints are intact, nothing is left behind
  void save(const CheckpointData& data, int64_t keep_last, bool is_best);

  /// The newest checkpoint that is intact, or nothing where there is none at all. Damaged newer ones are reported as a
  /// warning and, with write access, renamed away, so that they cannot shadow what the continued run writes.
  /// @throws Error  there are checkpoints and none can be read
  std::optional<CheckpointData> load_latest();

  /// The best checkpoint; the newest one where none is marked. Where the best one is damaged or gone, with a warning: what was
  /// the best for the newest one that is intact, or else that one itself.
  /// @throws Error  there is no checkpoint that can be read
  CheckpointData load_best();

  /// @throws Error  there is no such checkpoint, or it is damaged
  CheckpointData load(int64_t step) const;

  /// The step of the best checkpoint, as of the last save or load.
  std::optional<int64_t> best_step() const;

  /// The steps that have a checkpoint, newest first.
  std::vector<int64_t> steps() const;

 private:
  std::filesystem::path path(int64_t step) const;
  std::optional<CheckpointData> intact_best(std::string& problem) const;
  void remove_leftovers() const;
  void set_aside(int64_t step) const;
  void put_in_place(int64_t step) const;
  void write_names(int64_t newest) const;
  void prune(int64_t newest, int64_t keep_last) const;

  std::filesystem::path directory_;
  Messages& messages_;
  StoreAccess access_;
  std::optional<int64_t> best_;
};

}  // namespace tev
