#include "data/hdf5/file_writer.hpp"

#include "data/hdf5/file.hpp"
#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <algorithm>

namespace tev::hdf5 {
namespace {

/// Large enough for gzip, small enough to be read in parts.
constexpr int64_t kChunkBytes = 256 * 1024;
constexpr unsigned kGzipLevel = 4;

Handle creation_list(const std::vector<hsize_t>& chunk, bool compress, const std::string& where) {
  Handle list(TEV_H5(H5Pcreate(H5P_DATASET_CREATE), where), H5Pclose);
  TEV_H5(H5Pset_chunk(list.id(), static_cast<int>(chunk.size()), chunk.data()), where);
  if (compress) {
    TEV_H5(H5Pset_shuffle(list.id()), where);
    TEV_H5(H5Pset_deflate(list.id(), kGzipLevel), where);
  }
  return list;
}

Handle text_type(const std::string& where) {
  Handle type(TEV_H5(H5Tcopy(H5T_C_S1), where), H5Tclose);
  TEV_H5(H5Tset_size(type.id(), H5T_VARIABLE), where);
  TEV_H5(H5Tset_cset(type.id(), H5T_CSET_UTF8), where);
  return type;
}

Handle create_dataset(int64_t file, const std::string& name, int64_t type, const std::vector<int64_t>& row_shape) {
  std::vector<hsize_t> size{0}, most{H5S_UNLIMITED}, chunk{1};
  int64_t row_bytes = static_cast<int64_t>(H5Tget_size(type));
  for (const int64_t n : row_shape) {
    size.push_back(static_cast<hsize_t>(n));
    most.push_back(static_cast<hsize_t>(n));
    chunk.push_back(static_cast<hsize_t>(std::max<int64_t>(1, n)));
    row_bytes *= std::max<int64_t>(1, n);
  }
  chunk[0] = static_cast<hsize_t>(std::max<int64_t>(1, kChunkBytes / row_bytes));
  const Handle space(TEV_H5(H5Screate_simple(static_cast<int>(size.size()), size.data(), most.data()), name), H5Sclose);
  const Handle creation = creation_list(chunk, H5Tis_variable_str(type) <= 0, name);
  const Handle links(TEV_H5(H5Pcreate(H5P_LINK_CREATE), name), H5Pclose);
  TEV_H5(H5Pset_create_intermediate_group(links.id(), 1), name);
  return {TEV_H5(H5Dcreate2(file, name.c_str(), type, space.id(), links.id(), creation.id(), H5P_DEFAULT), "dataset '",
                 name, "'"),
          H5Dclose};
}

}  // namespace

FileWriter::FileWriter(const std::string& path) : path_(path), handle_(create_file(path)) {}

FileWriter::Growing& FileWriter::growing(const std::string& dataset, Handle type,
                                         const std::vector<int64_t>& row_shape) {
  const std::string name = absolute_path(dataset);
  auto found = datasets_.find(name);
  if (found == datasets_.end()) {
    Handle handle = create_dataset(handle_.id(), name, type.id(), row_shape);
    std::vector<int64_t> shape{0};
    shape.insert(shape.end(), row_shape.begin(), row_shape.end());
    found = datasets_.emplace(name, Growing{std::move(handle), std::move(type), std::move(shape)}).first;
  }
  const auto& shape = found->second.shape;
  TEV_CHECK(std::equal(shape.begin() + 1, shape.end(), row_shape.begin(), row_shape.end()) &&
                (!type || H5Tequal(type.id(), found->second.type.id()) > 0),
            path_, ": dataset '", name,
            "' was begun with rows of another shape or type than those that are appended to it.");
  return found->second;
}

void FileWriter::append_rows(const std::string& dataset, Growing& target, int64_t num_rows, const void* values) {
  if (num_rows == 0) return;
  const std::string where = path_ + ": writing dataset '" + dataset + "'";
  std::vector<hsize_t> start(target.shape.size(), 0), count(target.shape.begin(), target.shape.end());
  start[0] = static_cast<hsize_t>(target.shape[0]);
  count[0] = static_cast<hsize_t>(num_rows);
  target.shape[0] += num_rows;
  const std::vector<hsize_t> size(target.shape.begin(), target.shape.end());
  TEV_H5(H5Dset_extent(target.handle.id(), size.data()), where);
  const Handle file_space(TEV_H5(H5Dget_space(target.handle.id()), where), H5Sclose);
  TEV_H5(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), where);
  const Handle memory_space(TEV_H5(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), where),
                            H5Sclose);
  TEV_H5(H5Dwrite(target.handle.id(), target.type.id(), memory_space.id(), file_space.id(), H5P_DEFAULT, values),
         where);
}

void FileWriter::append(const std::string& dataset, Scalar scalar, const std::vector<int64_t>& shape,
                        const void* values) {
  Handle type(TEV_H5(H5Tcopy(native_type(scalar)), path_), H5Tclose);
  append_rows(dataset, growing(dataset, std::move(type), {shape.begin() + 1, shape.end()}), shape.front(), values);
}

void FileWriter::append(const std::string& dataset, const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const auto& text : texts) pointers.push_back(text.c_str());
  append_rows(dataset, growing(dataset, text_type(path_), {}), static_cast<int64_t>(texts.size()), pointers.data());
}

void FileWriter::set_attribute(const std::string& object, const std::string& name, Scalar scalar, const void* value) {
  const std::string where = path_ + ": attribute '" + name + "' of '" + object + "'";
  const std::string owner = absolute_path(object);
  const Handle type(TEV_H5(H5Tcopy(native_type(scalar)), where), H5Tclose);
  const Handle space(TEV_H5(H5Screate(H5S_SCALAR), where), H5Sclose);
  if (TEV_H5(H5Aexists_by_name(handle_.id(), owner.c_str(), name.c_str(), H5P_DEFAULT), where))
    TEV_H5(H5Adelete_by_name(handle_.id(), owner.c_str(), name.c_str(), H5P_DEFAULT), where);
  const Handle attribute(TEV_H5(H5Acreate_by_name(handle_.id(), owner.c_str(), name.c_str(), type.id(), space.id(),
                                                  H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                where),
                         H5Aclose);
  TEV_H5(H5Awrite(attribute.id(), type.id(), value), where);
}

void FileWriter::close() {
  for (auto& entry : datasets_) TEV_H5(entry.second.handle.close(), path_, ": writing dataset '", entry.first, "'");
  datasets_.clear();
  TEV_H5(H5Fflush(handle_.id(), H5F_SCOPE_GLOBAL), path_, ": writing");
  TEV_H5(handle_.close(), path_, ": closing");
}

}  // namespace tev::hdf5
