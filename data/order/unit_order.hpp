#pragma once
// Which unit comes when.

#include <cstdint>
#include <vector>

namespace tev {

/// A random order of units in which every window sees the whole file.
/// A batch is drawn from one round of windows (the w-th window of every lane), so the mixture of a batch can be no
/// better than that of a round. Under a plain random order the rounds of a file sorted by class would differ (1.3 times
/// the spread of a perfect shuffle for 1,024 of 4,096 units, 4 times for 64). Here each run of as many neighbouring units as there
/// are windows is dealt out to different rounds, one each, and neighbouring runs to different lanes: the rounds, and as far as
/// it goes the lanes, are stratified samples of the catalog. Who goes where is random. The stream then takes its units, one after
/// another, from the round that the middle of the next one falls into, so rounds and windows do not drift apart.
/// @param key          seed_key(seed, SeedUse::unit_order, epoch)
/// @param unit_rows    rows of each unit, none of them 0
/// @param lanes        lanes of the stream
/// @param window_rows  rows of a window of a lane
/// @return             the units 0..units-1 in the order of the stream
std::vector<int64_t> stratified_unit_order(uint64_t key, const std::vector<int64_t>& unit_rows, int64_t lanes, int64_t window_rows);

}  // namespace tev
