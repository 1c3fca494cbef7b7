#include "data/readers/plan_archive.hpp"

#include "data/readers/archive.hpp"

#include <memory>

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
  auto& [kind, field, num_rows, starts] = v;
  a(kind, field, num_rows, starts);
}

/// What RowReader counts on.
void check_storage(const hdf5::Storage& storage) {
  const hdf5::ChunkGrid& grid = storage.grid;
  bool good = !grid.shape.empty() && grid.shape.size() == grid.chunk.size() && storage.kind != hdf5::Storage::Kind::library;
  for (size_t d = 0; good && d < grid.shape.size(); ++d) good = grid.shape[d] >= 0 && grid.chunk[d] >= 0;
  if (good) {
    const hdf5::ChunkGrid row{{grid.shape.begin() + 1, grid.shape.end()}, {grid.chunk.begin() + 1, grid.chunk.end()}};
    good = row.num_chunks() <= hdf5::kMostChunksOfRow && !storage.fill.empty();
  }
  using Kind = hdf5::Storage::Kind;
  const auto extents = static_cast<int64_t>(storage.extents.size());
  good = good && (storage.kind != Kind::chunked || extents == grid.num_chunks()) && (storage.kind != Kind::contiguous || extents == 1) &&
         (storage.kind != Kind::compact || static_cast<int64_t>(storage.content.size()) == storage.chunk_bytes());
  TEV_CHECK(good, "the storage of a dataset makes no sense.");
}

template <class Archive>
void archive(Archive& a, Source& v) {
  auto& [path, record, shape, chunk_rows, kind, rows, library_reason, members, as_bytes, references] = v;
  static_cast<void>(references);  // for cutting, which is done
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
  return plan;
}

}  // namespace tev
