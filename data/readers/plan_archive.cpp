#include "data/readers/plan_archive.hpp"

#include "data/readers/archive.hpp"

#include <memory>

namespace tev {
namespace hdf5 {

template <class Archive>
void archive(Archive& a, Filter& v) {
  a(v.id, v.name, v.values);
}

template <class Archive>
void archive(Archive& a, Member& v) {
  a(v.name, v.scalar, v.shape, v.type_text, v.stored, v.swapped, v.offset, v.variable_length);
}

template <class Archive>
void archive(Archive& a, RecordType& v) {
  a(v.compound, v.bytes, v.members, v.has_pointers);
}

template <class Archive>
void archive(Archive& a, ChunkGrid& v) {
  a(v.shape, v.chunk);
}

template <class Archive>
void archive(Archive& a, Storage& v) {
  a(v.kind, v.grid, v.filters, v.extents, v.content, v.fill, v.reason);
}

}  // namespace hdf5

template <class Archive>
void archive(Archive& a, FieldRequest& v) {
  a(v.key, v.field, v.members, v.first, v.last, v.as, v.one_row, v.rows_kind, v.rows);
}

template <class Archive>
void archive(Archive& a, RecordField& v) {
  a(v.request, v.parts, v.record_width, v.records_per_row, v.row_index, v.variable_length);
}

template <class Archive>
void archive(Archive& a, RowIndex& v) {
  a(v.kind, v.field, v.num_rows, v.starts);
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
  bool has_rows = v.rows.has_value();
  a(v.path, v.record, v.shape, v.chunk_rows, v.kind, v.library_reason, v.members, v.as_bytes, has_rows);
  if (!has_rows) return;
  hdf5::Storage storage = v.rows ? v.rows->storage() : hdf5::Storage{};
  a(storage);
  if constexpr (Archive::kReads) {
    check_storage(storage);
    v.rows.emplace(v.path, std::move(storage));
  }
}

template <class Archive>
void archive(Archive& a, FilePlan& v) {
  RecordPlan& records = v.records;
  a(records.path, records.identity, records.sources, records.fields, records.indexes, records.num_events, v.units);
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
