#include "data/readers/plan_archive.hpp"

#include "data/readers/archive.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

// Structured bindings name all members of a struct: one that is added and not listed here does not compile.
namespace tev {
namespace hdf5 {

template <class Archive>
void archive(Archive& a, Filter& v) {
  auto& [id, name, values] = v;
  a(id, name, values);
}

template <class Archive>
void archive(Archive& a, Member& v) {
  auto& [name, scalar, shape, type_text, stored, swapped, offset, variable_length, text_bytes, utf8, names_of_values] = v;
  a(name, scalar, shape, type_text, stored, swapped, offset, variable_length, text_bytes, utf8, names_of_values);
}

template <class Archive>
void archive(Archive& a, RecordType& v) {
  auto& [compound, bytes, members, has_variable_length, has_references] = v;
  a(compound, bytes, members, has_variable_length, has_references);
}

template <class Archive>
void archive(Archive& a, ChunkGrid& v) {
  auto& [shape, chunk] = v;
  a(shape, chunk);
}

template <class Archive>
void archive(Archive& a, Storage& v) {
  auto& [kind, grid, filters, extents, content, fill, reason] = v;
  a(kind, grid, filters, extents, content, fill, reason);
}

}  // namespace hdf5

template <class Archive>
void archive(Archive& a, FieldRequest& v) {
  auto& [key, field, members, first, last, as, one_row, rows_kind, rows] = v;
  a(key, field, members, first, last, as, one_row, rows_kind, rows);
}

template <class Archive>
void archive(Archive& a, RecordField& v) {
  auto& [request, parts, record_width, records_per_row, row_index, variable_length] = v;
  a(request, parts, record_width, records_per_row, row_index, variable_length);
}

template <class Archive>
void archive(Archive& a, RowIndex& v) {
  auto& [kind, field, num_rows, starts, unit_starts] = v;
  a(kind, field, num_rows, starts, unit_starts);
}

/// What RowReader counts on.
void check_storage(const hdf5::Storage& storage) {
  const hdf5::ChunkGrid& grid = storage.grid;
  bool good = !grid.shape.empty() && grid.shape.size() == grid.chunk.size() && storage.kind != hdf5::Storage::Kind::library && !storage.fill.empty();
  auto bytes_of_row = static_cast<int64_t>(storage.fill.size()), bytes_of_chunk = bytes_of_row;
  for (size_t d = 0; good && d < grid.shape.size(); ++d)
    good = grid.shape[d] >= 0 && grid.chunk[d] >= 0 && grid.shape[d] <= std::numeric_limits<int64_t>::max() - grid.chunk[d] && !__builtin_mul_overflow(bytes_of_chunk, grid.chunk[d], &bytes_of_chunk) &&
           (d == 0 || !__builtin_mul_overflow(bytes_of_row, grid.shape[d], &bytes_of_row));
  if (good) {
    const hdf5::ChunkGrid row{{grid.shape.begin() + 1, grid.shape.end()}, {grid.chunk.begin() + 1, grid.chunk.end()}};
    good = row.num_chunks() <= hdf5::kMostChunksOfRow;
  }
  using Kind = hdf5::Storage::Kind;
  const auto extents = static_cast<int64_t>(storage.extents.size());
  good = good && (storage.kind != Kind::chunked || extents == grid.num_chunks()) && (storage.kind != Kind::contiguous || extents == 1) &&
         (storage.kind != Kind::compact || static_cast<int64_t>(storage.content.size()) == storage.chunk_bytes());
  TEV_CHECK(good, "the storage of a dataset makes no sense.");
}

template <class Archive>
void archive(Archive& a, Source& v) {
  auto& [path, record, shape, chunk_rows, kind, rows, library_reason, members, as_bytes, references, parts] = v;
  static_cast<void>(references);  // none any more
  static_cast<void>(parts);       // of what only the library reads otherwise, and nobody keeps
  bool has_rows = rows.has_value();
  a(path, record, shape, chunk_rows, kind, library_reason, members, as_bytes, has_rows);
  if (!has_rows) return;
  hdf5::Storage storage = rows ? rows->storage() : hdf5::Storage{};
  a(storage);
  if constexpr (Archive::kReads) {
    check_storage(storage);
    rows.emplace(path, std::move(storage));
  }
}

template <class Archive>
void archive(Archive& a, FilePlan& v) {
  auto& [records, units] = v;
  auto& [path, identity, sources, fields, indexes, num_events] = records;
  a(path, identity, sources, fields, indexes, num_events, units);
}

bool holds_together(const RecordPlan& plan, const RecordField& field) {
  for (const auto& part : field.parts) {
    if (part.source >= plan.sources.size()) return false;
    const Source& source = plan.sources[part.source];
    if (part.member < 0 || std::cmp_greater_equal(part.member, source.record.members.size())) return false;
  }
  return !field.parts.empty() && field.record_width > 0 && field.records_per_row > 0 && field.request.first >= 0 && field.request.last >= field.request.first &&
         (!field.row_index || *field.row_index < plan.indexes.size());
}

bool holds_together(const Source& source) {
  const auto is_member = [&](int64_t member) { return member >= 0 && std::cmp_less(member, source.record.members.size()); };
  return !source.shape.empty() && (!source.rows || source.rows->storage().grid.shape == source.shape) && source.record.bytes > 0 &&
         std::all_of(source.members.begin(), source.members.end(), is_member);
}

/// That what a plan refers to is there, and that its units are all events.
void check_plan(const FilePlan& plan) {
  const RecordPlan& records = plan.records;
  bool good = std::all_of(records.sources.begin(), records.sources.end(), [](const Source& source) { return holds_together(source); });
  for (const auto& field : records.fields) good = good && holds_together(records, field);
  for (const auto& index : records.indexes)
    good = good && holds_together(records, index.field) &&
           index.unit_starts.size() == plan.units.size() && std::all_of(index.unit_starts.begin(), index.unit_starts.end(), [&](int64_t row) { return row >= 0 && row <= index.num_rows; }) &&
           (index.kind != RowsKind::counts || (!index.starts.empty() && std::cmp_equal(index.starts.size() - 1, records.num_events)));
  int64_t next = 0;
  for (const auto& unit : plan.units) {
    good = good && unit.first_event == next && unit.num_events > 0 && unit.num_events <= records.num_events - next;
    next = good ? next + unit.num_events : next;
  }
  TEV_CHECK(good && next == records.num_events, "the plan of a file makes no sense.");
}

std::string to_bytes(const FilePlan& plan) {
  OutArchive out;
  out(plan);
  return out.bytes();
}

FilePlan plan_from_bytes(std::string_view bytes) {
  InArchive in(bytes);
  FilePlan plan;
  in(plan);
  TEV_CHECK(in.at_end(), "it goes on behind its end.");
  check_plan(plan);
  return plan;
}

}  // namespace tev
