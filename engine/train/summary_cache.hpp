#pragma once
// The summary of the training split, computed once for the same data and the same features.

#include "data/data_config.hpp"
#include "data/stream/data_session.hpp"

namespace tev {

/// The summary from the cache ($TEVATRAIN_CACHE, default ~/.cache/tevatrain), or else by a pass over the data, which is then
/// cached. The key is the data's fingerprint and every configuration key that the summary depends on. A cache that cannot be
/// read or written costs time, nothing else: it is reported and done without.
/// @param stop  as in DataSession::summarise; nothing is returned if it ended the pass
std::optional<TrainingSummary> cached_summary(DataSession& data, const DataConfig& config, int64_t seed, Messages& messages,
                                              const std::function<bool()>& stop = {});

}  // namespace tev
