#include "data/hdf5/storage.hpp"

#include "data/hdf5/chunk_tree.hpp"
#include "data/hdf5/dataset.hpp"
#include "data/hdf5/library.hpp"
#include "data/hdf5/raw_file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

namespace tev::hdf5 {
namespace {

/// More chunks than this are found one by one, by the library: a table of them would not fit into memory.
constexpr int64_t kMostExtents = int64_t{1} << 28;

int64_t chunks_of_row(const ChunkGrid& grid) {
  const ChunkGrid row{{grid.shape.begin() + 1, grid.shape.end()}, {grid.chunk.begin() + 1, grid.chunk.end()}};
  return row.num_chunks();
}

std::string where(const Dataset& dataset) { return dataset.file().path() + ": dataset '" + dataset.path() + "'"; }

FileFormat format_of(const File& file) {
  const Handle creation(TEV_H5(H5Fget_create_plist(file.id()), file.path()), H5Pclose);
  FileFormat format;
  hsize_t user_block = 0;
  TEV_H5(H5Pget_userblock(creation.id(), &user_block), file.path());
  TEV_H5(H5Pget_sizes(creation.id(), &format.offset_bytes, &format.length_bytes), file.path());
  format.base = user_block;
  return format;
}

/// One record of the fill value, in the stored type.
std::string fill_of(const Dataset& dataset, int64_t creation) {
  const Handle type(TEV_H5(H5Dget_type(dataset.id()), where(dataset)), H5Tclose);
  std::string fill(H5Tget_size(type.id()), '\0');
  H5D_fill_value_t state = H5D_FILL_VALUE_UNDEFINED;
  TEV_H5(H5Pfill_value_defined(creation, &state), where(dataset));
  if (state == H5D_FILL_VALUE_USER_DEFINED) TEV_H5(H5Pget_fill_value(creation, type.id(), fill.data()), where(dataset));
  return fill;
}

/// Whether the dataset lies in the file itself, not behind an external link.
bool is_in_file(const Dataset& dataset) {
  H5O_info_t own, root;
  TEV_H5(H5Oget_info2(dataset.id(), &own, H5O_INFO_BASIC), where(dataset));
  TEV_H5(H5Oget_info2(dataset.file().id(), &root, H5O_INFO_BASIC), where(dataset));
  return own.fileno == root.fileno;
}

std::vector<Extent> chunk_extents(const Dataset& dataset, const RawFile& bytes, Storage& storage) {
  H5O_info_t info;
  TEV_H5(H5Oget_info2(dataset.id(), &info, H5O_INFO_BASIC), where(dataset));
  // A file has no more chunks than bytes; what is declared beyond that was never written.
  const int64_t most = std::min(kMostExtents, static_cast<int64_t>(bytes.identity().bytes / 16) + 65536);
  auto extents = storage.grid.num_chunks() <= most
                     ? read_chunk_tree(bytes, format_of(dataset.file()), info.addr, storage.grid)
                     : std::nullopt;
  storage.kind = extents ? Storage::Kind::chunked : Storage::Kind::library_chunks;
  return extents ? std::move(*extents) : std::vector<Extent>{};
}

void check_within(const Dataset& dataset, const RawFile& bytes, uint64_t chunk, uint64_t offset, uint64_t size) {
  const uint64_t end = bytes.identity().bytes;
  TEV_CHECK_INPUT(offset <= end && size <= end - offset, where(dataset), ", chunk ", chunk, ": lies at bytes ", offset, " to ",
                  offset + size - 1, " of a file of ", end, " bytes (it is truncated or damaged). Copy or make it again.");
}

std::string read_compact(const Dataset& dataset, int64_t bytes) {
  std::string content(static_cast<size_t>(bytes), '\0');
  const Handle type(TEV_H5(H5Dget_type(dataset.id()), where(dataset)), H5Tclose);
  if (bytes > 0)
    TEV_H5(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()), where(dataset));
  return content;
}

void find_contiguous(const Dataset& dataset, const RawFile& bytes, Storage& storage) {
  storage.kind = Storage::Kind::contiguous;
  storage.extents.emplace_back();
  // Never written: the library's answer to where it lies is no address then, or that plus the user block.
  if (H5Dget_storage_size(dataset.id()) == 0) return;
  storage.extents[0] = {H5Dget_offset(dataset.id()), 1, 0};
  check_within(dataset, bytes, 0, storage.extents[0].offset, static_cast<uint64_t>(storage.chunk_bytes()));
}

/// An index that leads to one place twice is damaged.
void check_apart(const Dataset& dataset, const std::vector<Extent>& extents) {
  std::vector<uint32_t> stored;
  for (size_t i = 0; i < extents.size(); ++i)
    if (extents[i].bytes > 0) stored.push_back(static_cast<uint32_t>(i));
  std::sort(stored.begin(), stored.end(), [&](uint32_t a, uint32_t b) { return extents[a].offset < extents[b].offset; });
  for (size_t i = 1; i < stored.size(); ++i) {
    const Extent &before = extents[stored[i - 1]], &next = extents[stored[i]];
    TEV_CHECK(before.offset + before.bytes <= next.offset, where(dataset), ", chunks ", stored[i - 1], " and ", stored[i], ": both lie at byte ",
              next.offset, " (the file is damaged). Copy or make it again.");
  }
}

void find_chunks(const Dataset& dataset, int64_t creation, const RawFile& bytes, Storage& storage) {
  hsize_t sizes[H5S_MAX_RANK];
  const int rank = TEV_H5(H5Pget_chunk(creation, H5S_MAX_RANK, sizes), where(dataset));
  storage.grid.chunk.assign(sizes, sizes + rank);
  if (chunks_of_row(storage.grid) > kMostChunksOfRow) {
    storage.reason = "rows cut into very many chunks";
    return;
  }
  storage.extents = chunk_extents(dataset, bytes, storage);
  for (size_t i = 0; i < storage.extents.size(); ++i)
    check_within(dataset, bytes, i, storage.extents[i].offset, storage.extents[i].bytes);
  check_apart(dataset, storage.extents);
}

/// Finds the bytes of a dataset whose filters and element (fill) are known.
void find_bytes(const Dataset& dataset, int64_t creation, const RawFile& bytes, Storage& storage) {
  storage.reason = is_in_file(dataset) ? library_reason(creation, storage.filters) : "a dataset of another file";
  if (!storage.reason.empty()) return;
  switch (H5Pget_layout(creation)) {
    case H5D_CHUNKED: find_chunks(dataset, creation, bytes, storage); break;
    case H5D_CONTIGUOUS: find_contiguous(dataset, bytes, storage); break;
    case H5D_COMPACT:
      storage.kind = Storage::Kind::compact;
      storage.content = read_compact(dataset, storage.chunk_bytes());
      break;
    default: storage.reason = "an unknown layout"; break;
  }
}

}  // namespace

std::vector<int64_t> ChunkGrid::counts() const {
  std::vector<int64_t> counts(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) counts[d] = chunk[d] > 0 ? (shape[d] + chunk[d] - 1) / chunk[d] : 0;
  return counts;
}

int64_t ChunkGrid::num_chunks() const {
  int64_t number = 1;
  for (const int64_t count : counts())
    if (__builtin_mul_overflow(number, count, &number)) return std::numeric_limits<int64_t>::max();
  return number;
}

int64_t ChunkGrid::chunk_records() const {
  return std::accumulate(chunk.begin(), chunk.end(), int64_t{1}, std::multiplies<>());
}

std::vector<int64_t> ChunkGrid::start(int64_t index) const {
  const auto per_dimension = counts();
  std::vector<int64_t> first(shape.size());
  for (size_t d = shape.size(); d-- > 0; index /= std::max<int64_t>(1, per_dimension[d]))
    first[d] = index % std::max<int64_t>(1, per_dimension[d]) * chunk[d];
  return first;
}

std::string library_reason(int64_t creation_list, const std::vector<Filter>& filters) {
  if (const Filter* filter = filter_for_library(filters)) return "the filter " + filter->name;
  unsigned options = 0;
  switch (H5Pget_layout(creation_list)) {
    case H5D_VIRTUAL: return kVirtual;
    case H5D_CONTIGUOUS: return H5Pget_external_count(creation_list) > 0 ? "storage in external files" : "";
    case H5D_CHUNKED:
      TEV_H5(H5Pget_chunk_opts(creation_list, &options), "chunks");
      return options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS ? "chunks at the edge that are stored without filters" : "";
    default: return "";
  }
}

Storage storage_of(const Dataset& dataset, const RawFile& bytes) {
  const Handle creation(TEV_H5(H5Dget_create_plist(dataset.id()), where(dataset)), H5Pclose);
  Storage storage;
  storage.grid = {dataset.shape(), dataset.shape()};
  storage.filters = filters_of(creation.id());
  if (dataset.record().has_variable_length) {
    storage.reason = kVariableLength;
    return storage;
  }
  storage.fill = fill_of(dataset, creation.id());
  find_bytes(dataset, creation.id(), bytes, storage);
  return storage;
}

std::optional<Storage> references_of(const Dataset& dataset, const RawFile& bytes) {
  const Handle creation(TEV_H5(H5Dget_create_plist(dataset.id()), where(dataset)), H5Pclose);
  if (format_of(dataset.file()).offset_bytes != 8 || H5Pget_layout(creation.id()) == H5D_COMPACT) return std::nullopt;
  Storage storage;
  storage.grid = {dataset.shape(), dataset.shape()};
  storage.filters = filters_of(creation.id());
  storage.fill.assign(kReferenceBytes, '\0');
  find_bytes(dataset, creation.id(), bytes, storage);
  if (storage.kind == Storage::Kind::library) return std::nullopt;
  return storage;
}

}  // namespace tev::hdf5
