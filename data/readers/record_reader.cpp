#include "data/readers/record_reader.hpp"

#include "base/check.hpp"
#include "data/readers/convert_members.hpp"
#include "data/readers/cut_units.hpp"
#include "data/readers/record_file.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>

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

/// Of records of which several members are read: so many at a time stay in the first cache while one member after the other is taken out.
constexpr int64_t kTileBytes = 8 << 10;

class RecordReader final : public Reader {
 public:
  RecordReader(FilePlan plan, CatalogThread& thread) : thread_(thread), plan_(std::move(plan.records)), units_(std::move(plan.units)) {}

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
    for (const auto& index : plan_.indexes) bytes += index.starts.size() * sizeof(int64_t);
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
    std::vector<Target> targets;
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
    fill(*file, targets);
    for (size_t i = 0; i < plan_.fields.size(); ++i) {
      const hdf5::Member& member = plan_.member(plan_.fields[i].parts[0]);
      if (plan_.fields[i].request.as == FieldRequest::As::text && member.text_bytes == 0)
        result[i].values = names_as_text(member.names_of_values, result[i].values);
    }
    return result;
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
  /// A field and where its values go.
  struct Target {
    const RecordField* field;
    at::Tensor* out;
    const std::vector<Segment>* segments;
  };

  std::string where(const FieldRequest& request) const { return request.key + ": " + plan_.path; }

  /// The file, opened again if it was closed. Never called on the catalog thread, for which this may wait.
  std::shared_ptr<const RecordFile> open() const {
    const std::lock_guard lock(mutex_);
    if (!open_) open_ = std::make_shared<const RecordFile>(plan_, thread_);
    return open_;
  }

  at::Tensor read_numbers(const RecordFile& file, const RecordField& field, int64_t first_row, int64_t num_rows) const {
    at::Tensor values = at::empty({num_rows, field.width()}, plan_.element_type(field));
    const std::vector<Segment> rows{{first_row, 0, num_rows}};
    if (num_rows > 0) fill(file, {{&field, &values, &rows}});
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

  /// Reads every source once for all targets that need the same rows of it.
  void fill(const RecordFile& file, const std::vector<Target>& targets) const {
    for (size_t source = 0; source < plan_.sources.size(); ++source) {
      std::vector<std::pair<const Target*, const FieldPart*>> parts;
      for (const auto& target : targets)
        for (const auto& part : target.field->parts)
          if (part.source == source) parts.emplace_back(&target, &part);
      while (!parts.empty()) {
        const auto* segments = parts.front().first->segments;
        const auto others = std::stable_partition(parts.begin(), parts.end(), [&](const auto& part) { return part.first->segments == segments; });
        fill_from(file, source, *segments, {parts.begin(), others});
        parts.erase(parts.begin(), others);
      }
    }
  }

  /// A part of a field, ready to be copied out of blocks of rows.
  struct PartCopy {
    const RecordField* field;
    const FieldPart* part;
    at::Tensor* out;
    std::optional<MemberConversion> convert;  ///< none: whole records as they are stored
  };

  void fill_from(const RecordFile& file, size_t source, const std::vector<Segment>& segments,
                 const std::vector<std::pair<const Target*, const FieldPart*>>& parts) const {
    // One piece: with several, a chunk would be decoded for each of them.
    if (parts.size() == 1 && segments.size() == 1 && is_as_stored(*parts[0].first->field)) {
      const int64_t bytes = plan_.sources[source].row_bytes();
      auto* out = static_cast<char*>(parts[0].first->out->mutable_data_ptr());
      file.read_whole(source, segments[0].source, segments[0].count, out + segments[0].target * bytes);
      return;
    }
    std::vector<PartCopy> copies;
    for (const auto& [target, part] : parts) copies.push_back(part_copy(*target, *part));
    for (size_t begin = 0, end = 0; begin < segments.size(); begin = end) {
      end = end_of_visit(source, segments, begin);
      const int64_t first_row = segments[begin].source;
      int64_t last_row = 0;
      for (size_t i = begin; i < end; ++i) last_row = std::max(last_row, segments[i].source + segments[i].count);
      file.visit(source, first_row, last_row - first_row, [&](const decode::RowBlock& block) {
        for (size_t i = begin; i < end; ++i) {
          const int64_t from = std::max(block.first_row, segments[i].source);
          const int64_t to = std::min(block.first_row + block.num_rows, segments[i].source + segments[i].count);
          if (from >= to) continue;
          const int64_t tile = parts.size() == 1 ? to - from : std::max<int64_t>(1, kTileBytes / block.row_bytes);
          for (int64_t row = from; row < to; row += tile) {
            decode::RowBlock piece = block;
            piece.data += (row - block.first_row) * block.row_bytes;
            piece.first_row = row;
            piece.num_rows = std::min(tile, to - row);
            for (const auto& copy : copies) copy_rows(copy, piece, segments[i].target + row - segments[i].source);
          }
        }
      });
    }
  }

  /// Segments whose gaps are smaller than a chunk are visited together, so that no chunk is decoded twice.
  size_t end_of_visit(size_t source, const std::vector<Segment>& segments, size_t begin) const {
    const int64_t chunk_rows = std::max<int64_t>(1, plan_.sources[source].chunk_rows);
    int64_t last_row = segments[begin].source + segments[begin].count;
    size_t end = begin + 1;
    while (end < segments.size() && segments[end].source - last_row < chunk_rows) {
      last_row = std::max(last_row, segments[end].source + segments[end].count);
      ++end;
    }
    return end;
  }

  /// Whether the stored rows are the values: one plain dataset, all of it, of the type that is wanted.
  bool is_as_stored(const RecordField& field) const {
    const Source& source = plan_.sources[field.parts[0].source];
    const hdf5::Member& member = plan_.member(field.parts[0]);
    const at::ScalarType type = plan_.element_type(field);
    if (field.request.as == FieldRequest::As::bytes) return source.rows && source.rows->has_whole_rows();
    const bool same_type = (type == at::kFloat && member.stored == hdf5::Scalar::float32) ||
                           (type == at::kDouble && member.stored == hdf5::Scalar::float64) ||
                           (type == at::kLong && member.stored == hdf5::Scalar::int64);
    return field.parts.size() == 1 && field.parts[0].record < 0 && same_type && !member.swapped && member.bytes() == source.record.bytes && source.rows &&
           source.rows->has_whole_rows() && field.width() == field.record_width * source.records_per_row();
  }

  PartCopy part_copy(const Target& target, const FieldPart& part) const {
    const RecordField& field = *target.field;
    if (field.request.as == FieldRequest::As::bytes) return {&field, &part, target.out, {}};
    const Source& source = plan_.sources[part.source];
    const hdf5::Member& member = plan_.member(part);
    const RecordShape shape{record_bytes(source), field.record_width, field.request.first, field.request.last};
    MemberCopy copy{member.stored, member.swapped, member.count(), member.offset, part.target_offset};
    if (source.is_packed()) copy = {member.scalar, false, member.count(), packed_offset(source, part.member), part.target_offset};
    return {&field, &part, target.out, MemberConversion(shape, copy, *target.out)};
  }

  static int64_t record_bytes(const Source& source) { return source.is_packed() ? source.packed_record_bytes() : source.record.bytes; }

  void copy_rows(const PartCopy& copy, const decode::RowBlock& block, int64_t out_row) const {
    const FieldPart& part = *copy.part;
    const Source& source = plan_.sources[part.source];
    if (!copy.convert) return copy_records(source.record.bytes, block, *copy.out, out_row);
    const auto records = part.record < 0 ? std::optional(block) : single_record(block, part.record, record_bytes(source));
    if (!records) return;  // another chunk of the same rows has it
    const int64_t bad = (*copy.convert)(*records, out_row);
    TEV_CHECK_INPUT(bad < 0, where(copy.field->request), ": '", copy.field->request.field, "' of ", copy.field->row_index ? "row " : "event ",
                    block.first_row + bad, no_integer(plan_.member(part)), ". Choose another field.");
  }

  /// Why a value cannot be an int64.
  static std::string no_integer(const hdf5::Member& member) {
    const bool is_beyond = member.scalar == hdf5::Scalar::uint64;
    return c10::str(is_beyond ? " is beyond int64 (stored as " : " is not an integer (stored as ", member.type_text,
                    is_beyond ? "; 2^63 - 1 is the largest that is read)" : ")");
  }

  static void copy_records(int64_t record_bytes, const decode::RowBlock& block, at::Tensor& out, int64_t out_row) {
    auto* row = static_cast<char*>(out.mutable_data_ptr()) + out_row * out.size(1);
    for (int64_t i = 0; i < block.num_rows; ++i, row += out.size(1))
      for (const auto& run : *block.runs)
        std::memcpy(row + run.target * record_bytes, block.data + i * block.row_bytes + run.source * record_bytes,
                    static_cast<size_t>(run.count * record_bytes));
  }

  /// The rows of a block with one of their records only; nothing if it lies in another chunk.
  static std::optional<decode::RowBlock> single_record(decode::RowBlock block, int64_t record, int64_t record_bytes) {
    static const std::vector<decode::Run> single{{0, 0, 1}};
    for (const auto& run : *block.runs) {
      if (record < run.target || record >= run.target + run.count) continue;
      block.data += (run.source + record - run.target) * record_bytes;
      block.runs = &single;
      return block;
    }
    return std::nullopt;
  }

  /// Bytes into a packed record, where the members that are needed follow each other.
  static int64_t packed_offset(const Source& source, int64_t member) {
    int64_t offset = 0;
    for (const int64_t other : source.members) {
      if (other == member) break;
      offset += source.record.members[other].bytes();
    }
    return offset;
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
    TEV_CHECK_INPUT(bad < 0, where(field.request), ": '", field.request.field, "' of one of the events ", first_event, " to ",
                    first_event + num_events - 1, no_integer(member), ". Choose another field.");
    return result;
  }

  CatalogThread& thread_;
  RecordPlan plan_;
  std::vector<UnitRange> units_;
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
