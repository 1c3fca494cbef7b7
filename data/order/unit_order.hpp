#pragma once
// Which unit comes when.

#include <cstdint>
#include <vector>

namespace tev {

/// A random order of units in which every window sees the whole file.
/// A batch is drawn from one round of windows (the w-th window of every lane), so the mixture of a batch can be no
/// better than that of a round. Under a plain random order the rounds of a file sorted by class would differ (1.3 times
/// the spread of a perfect shuffle for 1,024 of 4,096 units, 4 times for 64). Here each run of `windows` neighbouring
/// units is dealt out to different rounds, one each, and neighbouring runs to different lanes: the rounds, and as far
/// as it goes the lanes, are stratified samples of the catalog. Who goes where is random. Units of very different sizes
/// shift the rounds against the windows; then this order is as good as a plain random one.
/// @param key      seed_key(seed, SeedUse::unit_order, epoch)
/// @param lanes    lanes of the stream
/// @param windows  windows of a lane
/// @return         the units 0..num_units-1 in the order of the stream: lane by lane, window by window
std::vector<int64_t> stratified_unit_order(uint64_t key, int64_t num_units, int64_t lanes, int64_t windows);

}  // namespace tev
