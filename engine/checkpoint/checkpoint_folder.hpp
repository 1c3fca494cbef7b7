#pragma once
// One checkpoint folder: its files and the manifest that proves them.

#include "engine/checkpoint/checkpoint.hpp"

namespace tev {

/// Fills an existing empty folder and forces it to the disk.
/// @param best_step  the best step of the run as of this checkpoint
/// @throws Error     the system's reason, or a state with numbers that JSON cannot hold
void write_checkpoint_folder(const std::filesystem::path& folder, const CheckpointData& data,
                             std::optional<int64_t> best_step);

/// A checkpoint as read back.
struct CheckpointFolder {
  CheckpointData data;
  std::optional<int64_t> best_step;
};

/// Reads a folder; every file is compared with the manifest first.
/// @throws InputError  made by a newer program, or not readable by this user: not damaged
/// @throws Error       missing, damaged or truncated, naming the file
CheckpointFolder read_checkpoint_folder(const std::filesystem::path& folder);

/// The best step as the manifest of a folder has it; nothing if the manifest cannot be read.
std::optional<int64_t> best_step_of_folder(const std::filesystem::path& folder);

}  // namespace tev
