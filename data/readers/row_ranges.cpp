#include "data/readers/row_ranges.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace tev {
namespace {

constexpr int64_t kBlock = 1 << 16;

std::string where(const RecordPlan& plan, const RowIndex& index) {
  return c10::str(index.field.request.key, ": ", plan.path, ": '", index.field.request.field, "'");
}

void check_range(const RecordPlan& plan, const RowIndex& index, int64_t event, const RowRange& range) {
  TEV_CHECK_INPUT(range.first >= 0 && range.count >= 0 && range.first <= index.num_rows && range.count <= index.num_rows - range.first,
                  where(plan, index), " gives event ", event, " ", range.count, " rows from row ", range.first, " on, of ", index.num_rows,
                  " (the file is damaged, or the columns belong to others). Name the dataset that belongs to these columns.");
}

}  // namespace

std::vector<RowRange> row_ranges(const RecordPlan& plan, const RowIndex& index, int64_t first_event, int64_t num_events,
                                 const ReadNumbers& read) {
  std::vector<RowRange> ranges(static_cast<size_t>(num_events));
  if (num_events == 0) return ranges;
  if (index.kind == RowsKind::counts) {
    for (int64_t i = 0; i < num_events; ++i)
      ranges[i] = {index.starts[first_event + i], index.starts[first_event + i + 1] - index.starts[first_event + i]};
    return ranges;
  }
  const bool is_offsets = index.kind == RowsKind::offsets;
  const int64_t available = plan.sources[index.field.parts[0].source].num_rows() - first_event;
  const at::Tensor numbers = read(index.field, first_event, std::min(num_events + (is_offsets ? 1 : 0), available));
  const auto* number = numbers.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < num_events; ++i) {
    if (is_offsets) {
      ranges[i].first = number[i];
      const int64_t end = i + 1 < numbers.size(0) ? number[i + 1] : index.num_rows;
      if (__builtin_sub_overflow(end, number[i], &ranges[i].count)) ranges[i].count = -1;
      TEV_CHECK_INPUT(first_event + i + 1 < plan.num_events || end == index.num_rows, where(plan, index), " ends at row ", end, " of ",
                      index.num_rows, " (the columns belong to others). Name the dataset that belongs to these columns.");
    } else
      ranges[i] = {number[2 * i], number[2 * i + 1]};
    check_range(plan, index, first_event + i, ranges[i]);
    TEV_CHECK_INPUT(!is_offsets || first_event + i > 0 || ranges[i].first == 0, where(plan, index), " begins with ", ranges[i].first,
                    " (0 was expected: the rows before would belong to no event). Begin with 0, or name extents, which may leave rows out.");
  }
  return ranges;
}

void add_up_counts(const RecordPlan& plan, RowIndex& index, const ReadNumbers& read) {
  const int64_t rows = plan.sources[index.field.parts[0].source].num_rows(), width = index.field.width();
  index.starts.assign(static_cast<size_t>(plan.num_events) + 1, 0);
  int64_t last_event = -1;
  for (int64_t first = 0; first < rows; first += kBlock) {
    const at::Tensor numbers = read(index.field, first, std::min(kBlock, rows - first));
    for (int64_t i = 0; i < numbers.size(0); ++i) {
      const auto* number = numbers.const_data_ptr<int64_t>() + i * width;
      const int64_t event = width == 2 ? number[0] : first + i, count = number[width - 1];
      TEV_CHECK_INPUT(event >= 0 && event < plan.num_events && count >= 0, where(plan, index), ": row ", first + i, " gives event ", event,
                      " a count of ", count, " (expected events 0 to ", plan.num_events - 1, " and no negative count). Correct the file.");
      TEV_CHECK_INPUT(event > last_event, where(plan, index), ": event ", event, " stands after event ", last_event,
                      " (rising events were expected: their rows lie in this order). Sort the file.");
      last_event = event;
      index.starts[event + 1] = count;
    }
  }
  for (size_t i = 1; i < index.starts.size(); ++i)
    if (__builtin_add_overflow(index.starts[i], index.starts[i - 1], &index.starts[i])) index.starts[i] = index.num_rows + 1;
  TEV_CHECK_INPUT(index.starts.back() == index.num_rows, where(plan, index), " adds up to ", index.starts.back(), " rows, but there are ",
                  index.num_rows, " (the file is damaged, or the columns belong to others). Name the dataset that belongs to these columns.");
}

std::vector<Segment> segments_of(const std::vector<RowRange>& ranges) {
  std::vector<Segment> segments;
  int64_t target = 0;
  bool in_order = true;
  for (const auto& range : ranges) {
    if (range.count == 0) continue;
    if (!segments.empty() && segments.back().source + segments.back().count == range.first)
      segments.back().count += range.count;
    else {
      in_order = in_order && (segments.empty() || segments.back().source < range.first);
      segments.push_back({range.first, target, range.count});
    }
    target += range.count;
  }
  if (!in_order)
    std::stable_sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) { return a.source < b.source; });
  return segments;
}

}  // namespace tev
