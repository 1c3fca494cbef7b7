#pragma once
// How many events could be shuffled together, where a window does not fit.

#include "data/stream/unit_store.hpp"

namespace tev {

struct ShuffleFit {
  int64_t rows = 1;         ///< the largest power of two that fits as data.shuffle_rows
  int64_t event_bytes = 0;  ///< of an event in memory, about
};

/// What fits, by the size of the units that did fit.
/// @param unit_rows  rows of each unit
/// @param quota      what has been pinned so far
/// @param available  bytes that a window may fill
ShuffleFit rows_that_fit(const std::vector<int64_t>& unit_rows, const PinQuota& quota, double available);

}  // namespace tev
