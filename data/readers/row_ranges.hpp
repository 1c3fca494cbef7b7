#pragma once
// Which rows of a flat dataset belong to which event.

#include "data/readers/record_plan.hpp"

#include <functional>

namespace tev {

/// Rows of one event.
struct RowRange {
  int64_t first = 0;
  int64_t count = 0;
};

/// Rows that follow each other in the file and in what is read.
struct Segment {
  int64_t source = 0;  ///< first row in the dataset
  int64_t target = 0;  ///< first row of the result
  int64_t count = 0;
};

/// Reads the numbers of an index field: [n, width] int64.
using ReadNumbers = std::function<at::Tensor(const RecordField& field, int64_t first_row, int64_t num_rows)>;

/// Rows of a range of events, checked.
/// @throws InputError  rows that are not there: names dataset, event and numbers
std::vector<RowRange> row_ranges(const RecordPlan& plan, const RowIndex& index, int64_t first_event, int64_t num_events,
                                 const ReadNumbers& read);

/// For counts: adds up where the rows of each event begin.
/// @throws InputError  a negative count, counts that do not add up to the number of rows
void add_up_counts(const RecordPlan& plan, RowIndex& index, const ReadNumbers& read);

/// Ranges as pieces, in the order of the file, those that follow each other joined.
std::vector<Segment> segments_of(const std::vector<RowRange>& ranges);

}  // namespace tev
