#include "data/readers/fill_fields.hpp"

#include "base/check.hpp"
#include "data/readers/convert_members.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace tev {
namespace {

/// Of records of which several members are read: so many at a time stay in the first cache while one member after the other is taken out.
constexpr int64_t kTileBytes = 8 << 10;

int64_t record_bytes(const Source& source) { return source.is_packed() ? source.packed_record_bytes() : source.record.bytes; }

void copy_records(int64_t record_bytes, const decode::RowBlock& block, at::Tensor& out, int64_t out_row) {
  auto* row = static_cast<char*>(out.mutable_data_ptr()) + out_row * out.size(1);
  for (int64_t i = 0; i < block.num_rows; ++i, row += out.size(1))
    for (const auto& run : *block.runs)
      std::memcpy(row + run.target * record_bytes, block.data + i * block.row_bytes + run.source * record_bytes,
                  static_cast<size_t>(run.count * record_bytes));
}

/// The rows of a block with one of their records only; nothing if it lies in another chunk.
std::optional<decode::RowBlock> single_record(decode::RowBlock block, int64_t record, int64_t record_bytes) {
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
int64_t packed_offset(const Source& source, int64_t member) {
  int64_t offset = 0;
  for (const int64_t other : source.members) {
    if (other == member) break;
    offset += source.record.members[other].bytes();
  }
  return offset;
}

class FieldFiller {
 public:
  FieldFiller(const RecordPlan& plan, const RecordFile& file) : plan_(plan), file_(file) {}

  void fill(const std::vector<FieldTarget>& targets) const {
    for (size_t source = 0; source < plan_.sources.size(); ++source) {
      std::vector<std::pair<const FieldTarget*, const FieldPart*>> parts;
      for (const auto& target : targets)
        for (const auto& part : target.field->parts)
          if (part.source == source) parts.emplace_back(&target, &part);
      while (!parts.empty()) {
        const auto* segments = parts.front().first->segments;
        const auto others = std::stable_partition(parts.begin(), parts.end(), [&](const auto& part) { return part.first->segments == segments; });
        fill_from(source, *segments, {parts.begin(), others});
        parts.erase(parts.begin(), others);
      }
    }
  }

 private:
  /// A part of a field, ready to be copied out of blocks of rows.
  struct PartCopy {
    const RecordField* field;
    const FieldPart* part;
    at::Tensor* out;
    std::optional<MemberConversion> convert;  ///< none: whole records as they are stored
  };

  void fill_from(size_t source, const std::vector<Segment>& segments,
                 const std::vector<std::pair<const FieldTarget*, const FieldPart*>>& parts) const {
    // One piece: with several, a chunk would be decoded for each of them.
    if (parts.size() == 1 && segments.size() == 1 && is_as_stored(*parts[0].first->field)) {
      const int64_t bytes = plan_.sources[source].row_bytes();
      auto* out = static_cast<char*>(parts[0].first->out->mutable_data_ptr());
      file_.read_whole(source, segments[0].source, segments[0].count, out + segments[0].target * bytes);
      return;
    }
    std::vector<PartCopy> copies;
    for (const auto& [target, part] : parts) copies.push_back(part_copy(*target, *part));
    for (size_t begin = 0, end = 0; begin < segments.size(); begin = end) {
      end = end_of_visit(source, segments, begin);
      const int64_t first_row = segments[begin].source;
      int64_t last_row = 0;
      for (size_t i = begin; i < end; ++i) last_row = std::max(last_row, segments[i].source + segments[i].count);
      file_.visit(source, first_row, last_row - first_row, [&](const decode::RowBlock& block) {
        for (size_t i = begin; i < end; ++i) copy_segment(copies, block, segments[i]);
      });
    }
  }

  /// The rows of a segment that lie in a block.
  void copy_segment(const std::vector<PartCopy>& copies, const decode::RowBlock& block, const Segment& segment) const {
    const int64_t from = std::max(block.first_row, segment.source);
    const int64_t to = std::min(block.first_row + block.num_rows, segment.source + segment.count);
    const int64_t tile = copies.size() == 1 ? std::max<int64_t>(1, to - from) : std::max<int64_t>(1, kTileBytes / block.row_bytes);
    for (int64_t row = from; row < to; row += tile) {
      decode::RowBlock piece = block;
      piece.data += (row - block.first_row) * block.row_bytes;
      piece.first_row = row;
      piece.num_rows = std::min(tile, to - row);
      for (const auto& copy : copies) copy_rows(copy, piece, segment.target + row - segment.source);
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

  PartCopy part_copy(const FieldTarget& target, const FieldPart& part) const {
    const RecordField& field = *target.field;
    if (field.request.as == FieldRequest::As::bytes) return {&field, &part, target.out, {}};
    const Source& source = plan_.sources[part.source];
    const hdf5::Member& member = plan_.member(part);
    const RecordShape shape{record_bytes(source), field.record_width, field.request.first, field.request.last};
    MemberCopy copy{member.stored, member.swapped, member.count(), member.offset, part.target_offset};
    if (source.is_packed()) copy = {member.scalar, false, member.count(), packed_offset(source, part.member), part.target_offset};
    return {&field, &part, target.out, MemberConversion(shape, copy, *target.out)};
  }

  void copy_rows(const PartCopy& copy, const decode::RowBlock& block, int64_t out_row) const {
    const FieldPart& part = *copy.part;
    const Source& source = plan_.sources[part.source];
    if (!copy.convert) return copy_records(source.record.bytes, block, *copy.out, out_row);
    const auto records = part.record < 0 ? std::optional(block) : single_record(block, part.record, record_bytes(source));
    if (!records) return;  // another chunk of the same rows has it
    const int64_t bad = (*copy.convert)(*records, out_row);
    if (bad >= 0)
      throw_no_integer(plan_, *copy.field, plan_.member(part), c10::str(copy.field->row_index ? "row " : "event ", block.first_row + bad));
  }

  const RecordPlan& plan_;
  const RecordFile& file_;
};

}  // namespace

void fill_fields(const RecordPlan& plan, const RecordFile& file, const std::vector<FieldTarget>& targets) { FieldFiller(plan, file).fill(targets); }

void throw_no_integer(const RecordPlan& plan, const RecordField& field, const hdf5::Member& member, const std::string& place) {
  const bool is_beyond = member.scalar == hdf5::Scalar::uint64;
  throw InputError(c10::str(field.request.key, ": ", plan.path, ": '", field.request.field, "' of ", place, is_beyond ? " is beyond int64 (stored as " : " is not an integer (stored as ",
                            member.type_text, is_beyond ? "; 2^63 - 1 is the largest that is read)" : ")", ". Choose another field."));
}

}  // namespace tev
