#pragma once
// Events into files that are fast to read: chunks of about 1 MiB, compressed, whole events side by side.

#include "data/decode/chunk_encoder.hpp"
#include "data/repack/event_digest.hpp"
#include "data/repack/repack_input.hpp"

#include <functional>

namespace tev {

/// How the output is cut.
struct RepackPlan {
  int64_t batch_size = 1;
  int64_t steps_per_shard = 1;
  int64_t num_steps = 0;
  int64_t num_shards = 0;
  int64_t events_per_chunk = 1;
};

/// @param shard_bytes  uncompressed, about; 0: one shard
RepackPlan plan_repack(const RepackInput& input, int64_t shard_bytes);

struct RepackJob {
  RepackOrder order;
  decode::Compression compression;
  int64_t workers = 2;
  int64_t first_shard = 0;                          ///< those before are there
  std::function<std::string(int64_t)> path;         ///< of a shard
  std::function<bool()> stop = [] { return false; };
};

/// Writes the shards; each appears complete or not at all.
/// @return  events written; nothing if it was stopped
std::optional<int64_t> repack(RepackInput& input, const RepackPlan& plan, const RepackJob& job, Messages& messages);

/// Reads all events in the order of the files.
/// @return  nothing if it was stopped
std::optional<EventDigest> digest_of(RepackInput& input, const std::string& name, const std::function<bool()>& stop, Messages& messages);

}  // namespace tev
