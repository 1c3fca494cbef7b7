#include "data/readers/cut_units.hpp"

#include <algorithm>

namespace tev {
namespace {

constexpr int64_t kScanEvents = 1 << 16;
/// Of a unit, what may be decoded in vain: chunks that its neighbours need too. And the most that a unit grows for it.
constexpr int64_t kWasteDivisor = 4;
constexpr int64_t kMostUnitBytes = int64_t{16} << 20;

using Lengths = std::function<std::vector<int64_t>(size_t source, int64_t first, int64_t num)>;
using Rows = std::function<std::vector<RowRange>(size_t index, int64_t first, int64_t num)>;

/// Sizes that every event, and every row of a flat dataset, adds.
struct Sizes {
  int64_t stored_bytes = 0;
  int64_t num_values = 0;
  int64_t chunk_rows = 0;   ///< the most that a chunk of any of the datasets has
  int64_t heavy_rows = 0;   ///< those of the dataset with the most bytes a row
  int64_t heavy_bytes = 0;  ///< these
  int64_t chunk_bytes = 0;  ///< of one chunk of each dataset
  std::vector<size_t> sources{};

  void add(const RecordPlan& plan, const RecordField& field) {
    if (!field.variable_length) num_values += field.width();
    for (const auto& part : field.parts) {
      const Source& source = plan.sources[part.source];
      if (std::find(sources.begin(), sources.end(), part.source) != sources.end()) continue;
      sources.push_back(part.source);
      const int64_t row_bytes = source.record.bytes * source.records_per_row();
      chunk_bytes += source.chunk_rows * row_bytes;
      if (field.variable_length) continue;  // its chunks hold no values, only where they are
      stored_bytes += source.row_bytes();
      chunk_rows = std::max(chunk_rows, source.chunk_rows);
      if (row_bytes > heavy_bytes) {
        heavy_bytes = row_bytes;
        heavy_rows = source.chunk_rows;
      }
    }
  }
};

/// Sizes an event, and for each index those a row.
struct PlanSizes {
  explicit PlanSizes(const RecordPlan& plan) : rows(plan.indexes.size()) {
    for (const auto& field : plan.fields) {
      (field.row_index ? rows[*field.row_index] : event).add(plan, field);
      // Where it is not known how long they are: about the file's share.
      if (field.variable_length && plan.num_events > 0 && !plan.sources[field.parts[0].source].references) {
        event.stored_bytes += static_cast<int64_t>(plan.identity.bytes) / plan.num_events;
        event.num_values += static_cast<int64_t>(plan.identity.bytes) / plan.num_events / plan.member(field.parts[0]).bytes();
      }
    }
    for (const auto& index : plan.indexes) {
      Sizes numbers;
      numbers.add(plan, index.field);
      event.chunk_bytes += index.kind == RowsKind::counts ? 0 : numbers.chunk_bytes;
    }
  }

  Sizes event;
  std::vector<Sizes> rows;
};

std::vector<UnitRange> cut_plain(const RecordPlan& plan, const Sizes& event) {
  int64_t chunk = std::max<int64_t>(1, event.chunk_rows), wanted = kUnitBytes;
  if (chunk * event.stored_bytes > kMostUnitBytes && event.heavy_rows < chunk) {
    // A light dataset in huge chunks: it is decoded again for every unit, rather than that units become so large.
    chunk = std::max<int64_t>(1, event.heavy_rows);
    wanted = std::clamp(kWasteDivisor * (event.chunk_bytes - event.heavy_rows * event.heavy_bytes), kUnitBytes, kMostUnitBytes);
  }
  const int64_t chunk_bytes = std::max<int64_t>(1, chunk * event.stored_bytes);
  const int64_t events = chunk * std::max<int64_t>(1, wanted / chunk_bytes);
  std::vector<UnitRange> units;
  for (int64_t first = 0; first < plan.num_events; first += events) {
    const int64_t num = std::min(events, plan.num_events - first);
    units.push_back({first, num, num * event.stored_bytes, num * event.num_values});
  }
  return units;
}

/// Events one by one, as many as fit: with rows of any length there is nothing to go by but these.
std::vector<UnitRange> cut_by_lengths(const RecordPlan& plan, const Sizes& event, const Lengths& lengths) {
  std::vector<UnitRange> units;
  for (int64_t first = 0; first < plan.num_events; first += kScanEvents) {
    const int64_t num = std::min(kScanEvents, plan.num_events - first);
    std::vector<int64_t> values(static_cast<size_t>(num), event.num_values), bytes(static_cast<size_t>(num), event.stored_bytes);
    for (const auto& field : plan.fields) {
      if (!field.variable_length || !plan.sources[field.parts[0].source].references) continue;
      const auto of_rows = lengths(field.parts[0].source, first, num);
      for (size_t i = 0; i < of_rows.size(); ++i) {
        values[i] += of_rows[i];
        bytes[i] += of_rows[i] * hdf5::scalar_bytes(plan.member(field.parts[0]).scalar);
      }
    }
    for (int64_t i = 0; i < num; ++i) {
      const int64_t more = bytes[static_cast<size_t>(i)];
      if (units.empty() || units.back().stored_bytes + more > kUnitBytes) units.push_back({first + i, 0, 0, 0});
      ++units.back().num_events;
      units.back().stored_bytes += more;
      units.back().num_values += values[static_cast<size_t>(i)];
    }
  }
  return units;
}

/// Collects the events up to each place where a cut is cheap, then joins them to units.
class Cutter {
 public:
  Cutter(const RecordPlan& plan, const PlanSizes& sizes) : plan_(plan), sizes_(sizes) {
    int64_t heaviest = -1;
    for (size_t i = 0; i < plan.indexes.size(); ++i)
      if (const int64_t bytes = plan.indexes[i].num_rows * sizes.rows[i].stored_bytes; bytes > heaviest) {
        heaviest = bytes;
        driver_ = i;
      }
  }

  void add(int64_t first_event, int64_t num_events, const std::vector<std::vector<RowRange>>& rows) {
    const int64_t chunk_rows = sizes_.rows[driver_].chunk_rows;
    for (int64_t i = 0; i < num_events; ++i) {
      const RowRange& range = rows[driver_][static_cast<size_t>(i)];
      if (range.count > 0 && chunk_rows > 0) {
        if (range.first / chunk_rows != chunk_) begin_piece(first_event + i, rows, i);
        chunk_ = range.first / chunk_rows;
        const bool crosses = (range.first + range.count - 1) / chunk_rows != chunk_;
        is_aligned_ = is_aligned_ && (!crosses || range.count > chunk_rows || range.first % chunk_rows == 0);
      }
      // Without chunks anywhere will do; with rare ones a piece must end some time.
      if (!pieces_.empty() && pieces_.back().stored_bytes >= (chunk_rows == 0 ? kUnitBytes : kMostUnitBytes)) begin_piece(first_event + i, rows, i);
      if (pieces_.empty()) begin_piece(first_event + i, rows, i);
      UnitRange& piece = pieces_.back();
      ++piece.num_events;
      piece.stored_bytes += sizes_.event.stored_bytes;
      piece.num_values += sizes_.event.num_values;
      for (size_t k = 0; k < rows.size(); ++k) {
        piece.stored_bytes += rows[k][static_cast<size_t>(i)].count * sizes_.rows[k].stored_bytes;
        piece.num_values += rows[k][static_cast<size_t>(i)].count * sizes_.rows[k].num_values;
      }
    }
  }

  /// @param starts  by index; gets the first row of each unit
  std::vector<UnitRange> units(std::vector<RowIndex>& starts) const {
    int64_t waste = sizes_.event.chunk_bytes;
    for (size_t k = 0; k < sizes_.rows.size(); ++k)
      if (k != driver_ || !is_aligned_) waste += sizes_.rows[k].chunk_bytes;
    const int64_t wanted = std::max(kUnitBytes, std::min(kMostUnitBytes, kWasteDivisor * waste));
    std::vector<UnitRange> units;
    for (size_t p = 0; p < pieces_.size(); ++p) {
      const UnitRange& piece = pieces_[p];
      // Whole chunks as long as they fit; beyond kUnitBytes as many as it takes to be worth it.
      const bool joins = !units.empty() && (units.back().stored_bytes + piece.stored_bytes <= wanted ||
                                            (wanted > kUnitBytes && units.back().stored_bytes < wanted / 2));
      if (!joins) {
        units.push_back(piece);
        for (size_t k = 0; k < starts.size(); ++k) starts[k].unit_starts.push_back(starts_[p * starts.size() + k]);
        continue;
      }
      units.back().num_events += piece.num_events;
      units.back().stored_bytes += piece.stored_bytes;
      units.back().num_values += piece.num_values;
    }
    return units;
  }

 private:
  void begin_piece(int64_t event, const std::vector<std::vector<RowRange>>& rows, int64_t i) {
    if (!pieces_.empty() && pieces_.back().num_events == 0) return;
    pieces_.push_back({event, 0, 0, 0});
    for (const auto& of_index : rows) starts_.push_back(of_index[static_cast<size_t>(i)].first);
  }

  const RecordPlan& plan_;
  const PlanSizes& sizes_;
  size_t driver_ = 0;  ///< the index whose rows are the most bytes
  int64_t chunk_ = 0;
  bool is_aligned_ = true;  ///< no event that fits into a chunk crosses the end of one
  std::vector<UnitRange> pieces_;
  std::vector<int64_t> starts_;  ///< first row of each piece, for every index
};

}  // namespace

std::vector<UnitRange> cut_units(RecordPlan& plan, const Rows& rows, const Lengths& lengths) {
  const PlanSizes sizes(plan);
  const bool has_lengths = std::any_of(plan.fields.begin(), plan.fields.end(), [&](const RecordField& field) {
    return field.variable_length && plan.sources[field.parts[0].source].references;
  });
  if (plan.indexes.empty() && has_lengths) return cut_by_lengths(plan, sizes.event, lengths);
  if (plan.indexes.empty()) return cut_plain(plan, sizes.event);
  Cutter cutter(plan, sizes);
  for (int64_t first = 0; first < plan.num_events; first += kScanEvents) {
    const int64_t num = std::min(kScanEvents, plan.num_events - first);
    std::vector<std::vector<RowRange>> of_indexes;
    for (size_t k = 0; k < plan.indexes.size(); ++k) of_indexes.push_back(rows(k, first, num));
    cutter.add(first, num, of_indexes);
  }
  return cutter.units(plan.indexes);
}

}  // namespace tev
