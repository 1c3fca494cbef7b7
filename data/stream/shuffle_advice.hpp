#pragma once
// How many events could be shuffled together, where a window does not fit.

#include "data/stream/unit_store.hpp"

namespace tev {

struct ShuffleFit {
  int64_t rows = 1;         ///< the largest data.shuffle_rows that fits, to about a hundredth; 0: none
  int64_t event_bytes = 0;  ///< of an event in memory, about
};

/// What fits, by how much of their reserve the units that did fit take. Counted so that it does: each lane may begin and end its window within a
/// unit, two lanes within the largest, and the last unit takes more while it is loaded. Where events are of unequal size it is near to that.
/// @param unit_rows  rows of each unit
/// @param quota      what has been pinned so far
/// @param available  bytes that a window may fill
/// @param loader     of the units
/// @param asked      rows of a window that does not fit
ShuffleFit rows_that_fit(const std::vector<int64_t>& unit_rows, const PinQuota& quota, double available, const UnitLoader& loader, int64_t asked);

}  // namespace tev
