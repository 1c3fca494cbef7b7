#include "data/hdf5/dataset.hpp"

#include "base/names.hpp"
#include "data/hdf5/filters.hpp"
#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <functional>
#include <numeric>

namespace tev::hdf5 {
namespace {

/// Without a chunk cache: units are whole chunks, so what a cache would hold is never asked for again.
const Handle& access_without_cache() {
  static const Handle list = [] {
    Handle made(TEV_H5(H5Pcreate(H5P_DATASET_ACCESS), "access to datasets"), H5Pclose);
    TEV_H5(H5Pset_chunk_cache(made.id(), 1, 0, 1.0), "access to datasets");
    return made;
  }();
  return list;
}

Handle open_dataset(const File& file, const std::string& path) {
  const auto open = [&] { return H5Dopen2(file.id(), path.c_str(), access_without_cache().id()); };
  if (Handle dataset(TEV_H5_NOTHROW(open()), H5Dclose); dataset) return dataset;
  TEV_CHECK_INPUT(file.has_dataset(path), file.path(), ": has no dataset '", path,
                  "' (datasets: ", join_names(file.dataset_paths()), ").", suggest_name(path, file.dataset_paths()));
  return {TEV_H5(open(), file.path(), ": dataset '", path, "'"), H5Dclose};
}

}  // namespace

std::vector<int64_t> shape_of(int64_t dataset, const std::string& where) {
  const Handle space(TEV_H5(H5Dget_space(dataset), where), H5Sclose);
  hsize_t sizes[H5S_MAX_RANK];
  const int rank = TEV_H5(H5Sget_simple_extent_dims(space.id(), sizes, nullptr), where);
  return {sizes, sizes + rank};
}

Dataset::Dataset(std::shared_ptr<const File> file, const std::string& path)
    : file_(std::move(file)), path_(absolute_path(path)), handle_(open_dataset(*file_, path_)) {
  const std::string where = file_->path() + ": dataset '" + path_ + "'";
  shape_ = shape_of(handle_.id(), where);
  TEV_CHECK_INPUT(!shape_.empty(), where, " is one value (a row an event was expected). Choose another field.");
  const Handle type(TEV_H5(H5Dget_type(handle_.id()), where), H5Tclose);
  record_ = record_type(type.id());
  const Handle creation(TEV_H5(H5Dget_create_plist(handle_.id()), where), H5Pclose);
  if (H5Pget_layout(creation.id()) == H5D_CHUNKED) {
    hsize_t sizes[H5S_MAX_RANK];
    TEV_H5(H5Pget_chunk(creation.id(), H5S_MAX_RANK, sizes), where);
    chunk_rows_ = static_cast<int64_t>(sizes[0]);
  }
  check_filters(file_->path(), path_, filters_of(creation.id()));
}

int64_t Dataset::records_per_row() const {
  return std::accumulate(shape_.begin() + 1, shape_.end(), int64_t{1}, std::multiplies<>());
}

int64_t Dataset::row_bytes(const std::vector<int64_t>& members) const {
  int64_t bytes = 0;
  for (const int64_t i : members) bytes += record_.members.at(i).bytes();
  return bytes * records_per_row();
}

void Dataset::read(const std::vector<int64_t>& members, int64_t first_row, int64_t num_rows, void* out) const {
  if (num_rows == 0 || row_bytes(members) == 0) return;
  const Handle type = memory_type(record_, members);
  if (auto reason = try_read(type.id(), first_row, num_rows, out))
    throw_read_error(std::move(*reason), type.id(), first_row, num_rows, out);
}

void Dataset::read_stored(int64_t first_row, int64_t num_rows, void* out) const {
  if (num_rows == 0 || records_per_row() == 0) return;
  const Handle type(TEV_H5(H5Dget_type(handle_.id()), file_->path(), ": dataset '", path_, "'"), H5Tclose);
  if (auto reason = try_read(type.id(), first_row, num_rows, out)) throw_read_error(std::move(*reason), type.id(), first_row, num_rows, out);
}

std::vector<char> Dataset::read_stored_chunk(const std::vector<int64_t>& start, uint32_t& filter_mask) const {
  const std::string where = c10::str(file_->path(), ": dataset '", path_, "', chunk at [", c10::Join(", ", start), "]");
  const std::vector<hsize_t> offset(start.begin(), start.end());
  hsize_t bytes = 0;
  if (TEV_H5_NOTHROW(H5Dget_chunk_storage_size(handle_.id(), offset.data(), &bytes)) < 0) {
    // 1.10 answers like this where no chunk was written; later releases say 0 bytes.
    const std::string reason = take_message();
    TEV_CHECK(reason == "chunk storage is not allocated", where, ": HDF5: ", reason);
    bytes = 0;
  }
  std::vector<char> stored(bytes);
  if (bytes > 0) TEV_H5(H5Dread_chunk(handle_.id(), H5P_DEFAULT, offset.data(), &filter_mask, stored.data()), where);
  return stored;
}

std::vector<char> Dataset::read_variable_length(int64_t first_row, int64_t num_rows, std::vector<int64_t>& counts) const {
  std::vector<hvl_t> rows(static_cast<size_t>(num_rows));
  const Handle type(TEV_H5(H5Tvlen_create(native_type(record_.members.at(0).scalar)), path_), H5Tclose);
  if (num_rows > 0)
    if (auto reason = try_read(type.id(), first_row, num_rows, rows.data()))
      throw_read_error(std::move(*reason), type.id(), first_row, num_rows, rows.data());
  std::vector<char> values;
  counts.clear();
  for (const auto& row : rows) {
    const auto* bytes = static_cast<const char*>(row.p);
    counts.push_back(static_cast<int64_t>(row.len));
    if (row.len > 0) values.insert(values.end(), bytes, bytes + static_cast<int64_t>(row.len) * record_.members[0].bytes());
  }
  const auto size = static_cast<hsize_t>(num_rows);
  const Handle space(TEV_H5(H5Screate_simple(1, &size, nullptr), path_), H5Sclose);
  TEV_H5(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, rows.data()), path_);
  return values;
}

std::optional<std::string> Dataset::try_read(int64_t memory_type, int64_t first_row, int64_t num_rows,
                                             void* out) const {
  const std::string where = file_->path() + ": dataset '" + path_ + "'";
  std::vector<hsize_t> start(shape_.size(), 0), count(shape_.begin(), shape_.end());
  start[0] = static_cast<hsize_t>(first_row);
  count[0] = static_cast<hsize_t>(num_rows);
  const Handle file_space(TEV_H5(H5Dget_space(handle_.id()), where), H5Sclose);
  TEV_H5(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), where);
  const Handle memory_space(TEV_H5(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), where),
                            H5Sclose);
  const int status =
      TEV_H5_NOTHROW(H5Dread(handle_.id(), memory_type, memory_space.id(), file_space.id(), H5P_DEFAULT, out));
  if (status >= 0) return std::nullopt;
  return take_message();  // before the handles close: every call clears the error stack
}

/// Reads again chunk by chunk, to name the first one that fails.
void Dataset::throw_read_error(std::string reason, int64_t memory_type, int64_t first_row, int64_t num_rows,
                               void* out) const {
  const int64_t end = first_row + num_rows;
  int64_t begin = first_row, bad_end = end;
  for (int64_t row = first_row; chunk_rows_ > 0 && row < end;) {
    const int64_t next = std::min((row / chunk_rows_ + 1) * chunk_rows_, end);
    if (auto cause = try_read(memory_type, row, next - row, out)) {
      reason = std::move(*cause);
      begin = row;
      bad_end = next;
      break;
    }
    row = next;
  }
  const std::string chunk = chunk_rows_ > 0 ? c10::str(", chunk ", begin / chunk_rows_, " (rows ") : " (rows ";
  throw Error(c10::str(file_->path(), ": dataset '", path_, "'", chunk, begin, " to ", bad_end - 1,
                       ") cannot be read (HDF5: ", reason,
                       "). The file is damaged or its disk failed: copy or make it again."));
}

}  // namespace tev::hdf5
