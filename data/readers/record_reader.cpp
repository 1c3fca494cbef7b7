#include "data/readers/record_reader.hpp"

#include "base/check.hpp"
#include "data/readers/convert_members.hpp"
#include "data/readers/cut_units.hpp"
#include "data/readers/fill_fields.hpp"
#include "data/readers/record_file.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <mutex>
#include <set>

namespace tev {
namespace {

/// The names of an enum's values as bytes [rows, longest name], filled up with 0; a value without a name is written as a number.
at::Tensor names_as_text(const std::vector<std::pair<int64_t, std::string>>& names, const at::Tensor& values) {
  std::vector<std::string> texts;
  size_t longest = 1;
  for (int64_t i = 0; i < values.numel(); ++i) {
    const int64_t value = values.const_data_ptr<int64_t>()[i];
    const auto found = std::find_if(names.begin(), names.end(), [value](const auto& name) { return name.first == value; });
    texts.push_back(found == names.end() ? std::to_string(value) : found->second);
    longest = std::max(longest, texts.back().size());
  }
  const at::Tensor bytes = at::zeros({values.numel(), static_cast<int64_t>(longest)}, at::kLong);
  auto* to = bytes.mutable_data_ptr<int64_t>();
  for (const auto& text : texts) {
    std::copy(text.begin(), text.end(), to);
    to += longest;
  }
  return bytes;
}

class RecordReader final : public Reader {
 public:
  RecordReader(FilePlan plan, CatalogThread& thread) : thread_(thread), plan_(std::move(plan.records)), units_(std::move(plan.units)) {
    const auto add = [this](const RecordField& field) {
      for (const auto& part : field.parts)
        if (!plan_.sources[part.source].needs_library()) expected_.emplace(part.source, field.row_index);
    };
    for (const auto& field : plan_.fields) add(field);
    for (const auto& index : plan_.indexes)
      if (index.kind != RowsKind::counts) add(index.field);
  }

  /// Completes a plan that knows the datasets only.
  FilePlan plan_units() && {
    std::shared_ptr<const RecordFile> file;  // closed at the end: the catalog counts only files that were read since
    const bool has_lengths = std::any_of(plan_.sources.begin(), plan_.sources.end(), [](const Source& source) { return source.references.has_value(); });
    if (!plan_.indexes.empty() || has_lengths) file = std::make_shared<const RecordFile>(plan_, thread_);
    for (auto& index : plan_.indexes)
      if (index.kind == RowsKind::counts)
        add_up_counts(plan_, index, [&](const RecordField& field, int64_t first, int64_t num) { return read_numbers(*file, field, first, num); });
    units_ = cut_units(plan_, [&](size_t index, int64_t first, int64_t num) { return rows_of(*file, plan_.indexes[index], first, num); },
                       [&](size_t source, int64_t first, int64_t num) { return file->row_lengths(source, first, num); });
    file.reset();  // it refers to the plan
    for (auto& source : plan_.sources) source.references.reset();  // for cutting, which is done
    return {std::move(plan_), std::move(units_)};
  }

  int64_t num_events() const override { return plan_.num_events; }
  std::vector<UnitRange> units() const override { return units_; }

  std::vector<int64_t> widths() const override {
    std::vector<int64_t> widths;
    for (const auto& field : plan_.fields) widths.push_back(field.width());
    return widths;
  }

  std::vector<at::ScalarType> types() const override {
    std::vector<at::ScalarType> types;
    for (const auto& field : plan_.fields) types.push_back(plan_.element_type(field));
    return types;
  }

  std::vector<std::string> parts() const override {
    if (!plan_.indexes.empty()) return {};  // rows are numbered within a file
    const auto& parts = plan_.sources.front().parts;
    for (const auto& source : plan_.sources)
      if (!std::equal(parts.begin(), parts.end(), source.parts.begin(), source.parts.end(), [&](const auto& a, const auto& b) {
            return a.path == b.path && a.num_rows == b.num_rows && hdf5::absolute_path(b.dataset) == source.path;
          }))
        return {};
    std::vector<std::string> files;
    for (const auto& part : parts) files.push_back(part.path);
    return files;
  }

  int64_t scratch_bytes() const override {
    int64_t bytes = 0;
    for (const auto& source : plan_.sources)
      if (source.rows) bytes = std::max(bytes, source.rows->scratch_bytes());
    return bytes;
  }

  int64_t library_bytes() const override {
    int64_t bytes = 0;
    for (const auto& source : plan_.sources)
      if (!source.rows) bytes = std::max(bytes, source.chunk_rows * source.records_per_row() * source.record.bytes);
    return bytes;
  }

  int64_t table_bytes() const override {
    size_t bytes = units_.size() * sizeof(UnitRange);
    for (const auto& source : plan_.sources)
      if (source.rows) bytes += source.rows->storage().extents.size() * sizeof(hdf5::Extent);
    for (const auto& index : plan_.indexes) bytes += (index.starts.size() + index.unit_starts.size()) * sizeof(int64_t);
    return static_cast<int64_t>(bytes);
  }

  std::vector<std::string> library_reads() const override {
    std::vector<std::string> texts;
    for (const auto& source : plan_.sources)
      if (!source.rows) texts.push_back("'" + source.path + "' (" + source.library_reason + ")");
    return texts;
  }

  std::vector<std::string> signatures() const override {
    std::vector<std::string> texts;
    for (const auto& field : plan_.fields) {
      std::string text = field.request.field;
      for (const auto& part : field.parts) {
        const auto& record = plan_.sources[part.source].record;
        const bool whole = field.request.as == FieldRequest::As::bytes;
        for (const auto& member : whole ? record.members : std::vector{plan_.member(part)})
          text += c10::str(" ", member.name, member.name.empty() ? "" : ":", member.type_text);
      }
      text += " x " + std::to_string(field.records_per_row);
      if (field.row_index) text += " by " + plan_.indexes[*field.row_index].field.request.field;
      texts.push_back(text);
    }
    return texts;
  }

  std::vector<FieldValues> read(int64_t first_event, int64_t num_events) const override {
    const auto file = open();
    std::vector<std::vector<Segment>> segments(plan_.indexes.size());
    std::vector<at::Tensor> offsets;
    for (size_t i = 0; i < plan_.indexes.size(); ++i) {
      const auto ranges = rows_of(*file, plan_.indexes[i], first_event, num_events);
      offsets.push_back(offsets_of(ranges));
      segments[i] = segments_of(ranges);
    }
    std::vector<FieldValues> result(plan_.fields.size());
    std::vector<FieldTarget> targets;
    const std::vector<Segment> whole_events{{first_event, 0, num_events}};
    for (size_t i = 0; i < plan_.fields.size(); ++i) {
      const RecordField& field = plan_.fields[i];
      if (field.variable_length) {
        result[i] = read_variable_length(*file, field, first_event, num_events);
        continue;
      }
      if (field.row_index) result[i].offsets = offsets[*field.row_index];
      const int64_t rows = field.row_index ? offsets[*field.row_index].const_data_ptr<int64_t>()[num_events] : num_events;
      result[i].values = at::empty({rows, field.width()}, plan_.element_type(field));
      if (rows > 0) targets.push_back({&field, &result[i].values, field.row_index ? &segments[*field.row_index] : &whole_events});
    }
    fill_fields(plan_, *file, targets);
    for (size_t i = 0; i < plan_.fields.size(); ++i) {
      const hdf5::Member& member = plan_.member(plan_.fields[i].parts[0]);
      if (plan_.fields[i].request.as == FieldRequest::As::text && member.text_bytes == 0)
        result[i].values = names_as_text(member.names_of_values, result[i].values);
    }
    return result;
  }

  bool expect(size_t unit) const override {
    if (expected_.empty()) return false;
    std::shared_ptr<const RecordFile> file;
    try {
      file = open();
    } catch (const std::exception&) {
      return false;  // reading will meet it too, and say so
    }
    bool any = false;
    for (const auto& [source, row_index] : expected_) {
      if (!row_index) {
        any |= file->expect(source, units_[unit].first_event, units_[unit].num_events);
        continue;
      }
      const RowIndex& index = plan_.indexes[*row_index];
      const int64_t begin = index.unit_starts[unit], end = unit + 1 < units_.size() ? index.unit_starts[unit + 1] : index.num_rows;
      any |= file->expect(source, begin, std::min(end - begin, units_[unit].num_values));  // extents may rise and fall
    }
    return any;
  }

  std::vector<FieldValues> nothing() const override {
    std::vector<FieldValues> result;
    for (const auto& field : plan_.fields) {
      result.emplace_back(at::empty({0, field.variable_length ? 1 : field.width()}, plan_.element_type(field)));
      if (field.row_index || field.variable_length) result.back().offsets = offsets_of({});
    }
    return result;
  }

  void close() override {
    std::shared_ptr<const RecordFile> closed;  // closes after the lock is gone
    const std::lock_guard lock(mutex_);
    closed.swap(open_);
  }

 private:
  /// The file, opened again if it was closed. Never called on the catalog thread, for which this may wait.
  std::shared_ptr<const RecordFile> open() const {
    const std::lock_guard lock(mutex_);
    if (!open_) open_ = std::make_shared<const RecordFile>(plan_, thread_);
    return open_;
  }

  at::Tensor read_numbers(const RecordFile& file, const RecordField& field, int64_t first_row, int64_t num_rows) const {
    at::Tensor values = at::empty({num_rows, field.width()}, plan_.element_type(field));
    const std::vector<Segment> rows{{first_row, 0, num_rows}};
    if (num_rows > 0) fill_fields(plan_, file, {{&field, &values, &rows}});
    return values;
  }

  std::vector<RowRange> rows_of(const RecordFile& file, const RowIndex& index, int64_t first_event, int64_t num_events) const {
    return row_ranges(plan_, index, first_event, num_events,
                      [&](const RecordField& field, int64_t first, int64_t num) { return read_numbers(file, field, first, num); });
  }

  static at::Tensor offsets_of(const std::vector<RowRange>& ranges) {
    at::Tensor offsets = at::empty({static_cast<int64_t>(ranges.size()) + 1}, at::kLong);
    auto* offset = offsets.mutable_data_ptr<int64_t>();
    offset[0] = 0;
    for (size_t i = 0; i < ranges.size(); ++i) offset[i + 1] = offset[i] + ranges[i].count;
    return offsets;
  }

  /// [all values, 1], with as many an event as it has.
  FieldValues read_variable_length(const RecordFile& file, const RecordField& field, int64_t first_event, int64_t num_events) const {
    std::vector<int64_t> counts;
    const std::vector<char> values = file.read_variable_length(field.parts[0].source, first_event, num_events, counts);
    std::vector<RowRange> ranges;
    for (const int64_t count : counts) ranges.push_back({0, count});
    FieldValues result{{}, offsets_of(ranges)};
    const hdf5::Member& member = plan_.member(field.parts[0]);
    const int64_t total = result.offsets.const_data_ptr<int64_t>()[num_events], size = hdf5::scalar_bytes(member.scalar);
    if (field.request.as == FieldRequest::As::bytes) {
      result.values = at::empty({total, size}, at::kByte);
      std::copy(values.begin(), values.end(), static_cast<char*>(result.values.mutable_data_ptr()));
      return result;
    }
    result.values = at::empty({total, 1}, plan_.element_type(field));
    const std::vector<decode::Run> runs{{0, 0, 1}};
    const decode::RowBlock block{values.data(), 0, total, size, &runs};
    const int64_t bad = MemberConversion({size, 1, 0, 1}, {member.scalar, false, 1, 0, 0}, result.values)(block, 0);
    if (bad >= 0) throw_no_integer(plan_, field, member, c10::str("one of the events ", first_event, " to ", first_event + num_events - 1));
    return result;
  }

  CatalogThread& thread_;
  RecordPlan plan_;
  std::vector<UnitRange> units_;
  std::set<std::pair<size_t, std::optional<size_t>>> expected_;  ///< sources that are read without the library, and by which index's rows
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const RecordFile> open_;
};

}  // namespace

FilePlan plan_units(RecordPlan records, CatalogThread& thread) { return RecordReader({std::move(records), {}}, thread).plan_units(); }

FilePlan plan_file(const std::string& path, const std::vector<FieldRequest>& requests, CatalogThread& thread, Layout layout) {
  return plan_units(thread.run([&] { return plan_records(path, requests, layout); }), thread);
}

std::unique_ptr<Reader> read_planned(FilePlan plan, CatalogThread& thread) {
  return std::make_unique<RecordReader>(std::move(plan), thread);
}

}  // namespace tev
