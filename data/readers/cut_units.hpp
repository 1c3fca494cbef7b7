#pragma once
// Where the events of a file are cut into units.

#include "data/readers/row_ranges.hpp"

namespace tev {

/// Cuts where the chunks of the datasets end, so that reading a unit decodes little that it does not need. With flat datasets
/// it reads where the rows of every event lie, and notes in the plan's indexes where those of each unit begin.
/// @param rows     of events, for one of the plan's indexes
/// @param lengths  of the rows of a source with rows of variable length and references
std::vector<UnitRange> cut_units(RecordPlan& plan,
                                 const std::function<std::vector<RowRange>(size_t index, int64_t first, int64_t num)>& rows,
                                 const std::function<std::vector<int64_t>(size_t source, int64_t first, int64_t num)>& lengths);

}  // namespace tev
