#include "data/hdf5/chunk_writer.hpp"

#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <algorithm>

namespace tev::hdf5 {
namespace {

/// Filters whose plugin may be missing here: their chunks come filtered.
Handle creation_list(const ChunkLayout& layout, const std::string& where) {
  Handle list(TEV_H5(H5Pcreate(H5P_DATASET_CREATE), where), H5Pclose);
  std::vector<hsize_t> chunk{static_cast<hsize_t>(layout.chunk_rows)};
  for (const int64_t n : layout.row_shape) chunk.push_back(static_cast<hsize_t>(std::max<int64_t>(1, n)));
  TEV_H5(H5Pset_chunk(list.id(), static_cast<int>(chunk.size()), chunk.data()), where);
  for (const auto& filter : layout.filters)
    TEV_H5(H5Pset_filter(list.id(), filter.id, H5Z_FLAG_OPTIONAL, filter.values.size(), filter.values.data()), where);
  return list;
}

void copy_attribute(int64_t attribute, int64_t target, const std::string& where) {
  const Handle type(TEV_H5(H5Aget_type(attribute), where), H5Tclose);
  if (H5Tdetect_class(type.id(), H5T_REFERENCE) > 0) return;
  char name[1024] = "";
  TEV_H5(H5Aget_name(attribute, sizeof(name), name), where);
  const Handle space(TEV_H5(H5Aget_space(attribute), where), H5Sclose);
  const Handle copy(TEV_H5(H5Acreate2(target, name, type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), where, ", attribute ", name), H5Aclose);
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  if (count <= 0) return;
  std::vector<char> values(static_cast<size_t>(count) * H5Tget_size(type.id()));
  TEV_H5(H5Aread(attribute, type.id(), values.data()), where, ", attribute ", name);
  TEV_H5(H5Awrite(copy.id(), type.id(), values.data()), where, ", attribute ", name);
  TEV_H5(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, values.data()), where, ", attribute ", name);
}

void copy_attributes(const File& from, const std::string& object, int64_t target) {
  const std::string where = from.path() + ": '" + object + "'";
  const Handle owner(TEV_H5(H5Oopen(from.id(), object.c_str(), H5P_DEFAULT), where), H5Oclose);
  const int count = TEV_H5(H5Aget_num_attrs(owner.id()), where);
  for (int i = 0; i < count; ++i) {
    const Handle attribute(TEV_H5(H5Aopen_idx(owner.id(), static_cast<unsigned>(i)), where), H5Aclose);
    copy_attribute(attribute.id(), target, where);
  }
}

Handle with_groups(const std::string& where) {
  Handle links(TEV_H5(H5Pcreate(H5P_LINK_CREATE), where), H5Pclose);
  TEV_H5(H5Pset_create_intermediate_group(links.id(), 1), where);
  return links;
}

}  // namespace

ChunkWriter::ChunkWriter(const std::string& path) : path_(path), handle_(create_file(path)) {}

ChunkWriter::Target& ChunkWriter::create(const std::string& dataset, int64_t type, const ChunkLayout& layout) {
  const std::string where = path_ + ": dataset '" + dataset + "'", name = absolute_path(dataset);
  std::vector<hsize_t> size{0}, most{H5S_UNLIMITED};
  for (const int64_t n : layout.row_shape) {
    size.push_back(static_cast<hsize_t>(n));
    most.push_back(static_cast<hsize_t>(n));
  }
  const Handle space(TEV_H5(H5Screate_simple(static_cast<int>(size.size()), size.data(), most.data()), where), H5Sclose);
  const Handle creation = creation_list(layout, where), links = with_groups(where);
  Handle handle(TEV_H5(H5Dcreate2(handle_.id(), name.c_str(), type, space.id(), links.id(), creation.id(), H5P_DEFAULT), where), H5Dclose);
  std::vector<int64_t> shape{0};
  shape.insert(shape.end(), layout.row_shape.begin(), layout.row_shape.end());
  return targets_.emplace(name, Target{std::move(handle), std::move(shape), layout.chunk_rows}).first->second;
}

void ChunkWriter::create(const std::string& dataset, Scalar scalar, const ChunkLayout& layout) {
  create(dataset, native_type(scalar), layout);
}

void ChunkWriter::create_extents(const std::string& dataset, const ChunkLayout& layout) {
  const Handle type = extents_type();
  create(dataset, type.id(), layout);
}

void ChunkWriter::create_like(const std::string& dataset, const File& file, const std::string& source, const ChunkLayout& layout) {
  const std::string where = file.path() + ": dataset '" + source + "'";
  const Handle original(TEV_H5(H5Dopen2(file.id(), source.c_str(), H5P_DEFAULT), where), H5Dclose);
  const Handle stored(TEV_H5(H5Dget_type(original.id()), where), H5Tclose);
  const Handle type(TEV_H5(H5Tcopy(stored.id()), where), H5Tclose);  // one that has no name in the other file
  copy_attributes(file, source, create(dataset, type.id(), layout).handle.id());
}

void ChunkWriter::copy_dataset(const File& from, const std::string& dataset) {
  const std::string name = absolute_path(dataset), where = path_ + ": dataset '" + name + "'";
  const Handle links = with_groups(where);
  TEV_H5(H5Ocopy(from.id(), name.c_str(), handle_.id(), name.c_str(), H5P_DEFAULT, links.id()), where);
}

void ChunkWriter::copy_group_attributes(const File& from, const std::string& group) {
  const std::string where = path_ + ": group '" + group + "'";
  const bool is_there = group == "/" || TEV_H5(H5Lexists(handle_.id(), group.c_str(), H5P_DEFAULT), where) > 0;
  const Handle links = with_groups(where);
  const Handle target(is_there ? TEV_H5(H5Gopen2(handle_.id(), group.c_str(), H5P_DEFAULT), where)
                               : TEV_H5(H5Gcreate2(handle_.id(), group.c_str(), links.id(), H5P_DEFAULT, H5P_DEFAULT), where),
                      H5Gclose);
  copy_attributes(from, group, target.id());
}

void ChunkWriter::append(const std::string& dataset, int64_t num_rows, const std::vector<char>& stored) {
  const std::string where = path_ + ": writing dataset '" + dataset + "'";
  Target& target = targets_.at(absolute_path(dataset));
  TEV_CHECK(target.shape[0] % target.chunk_rows == 0, where, ": a chunk follows one that is not full.");
  std::vector<hsize_t> start(target.shape.size(), 0);
  start[0] = static_cast<hsize_t>(target.shape[0]);
  target.shape[0] += num_rows;
  const std::vector<hsize_t> size(target.shape.begin(), target.shape.end());
  TEV_H5(H5Dset_extent(target.handle.id(), size.data()), where);
  TEV_H5(H5Dwrite_chunk(target.handle.id(), H5P_DEFAULT, 0, start.data(), stored.size(), stored.data()), where);
}

void ChunkWriter::close() {
  for (auto& target : targets_) TEV_H5(target.second.handle.close(), path_, ": writing dataset '", target.first, "'");
  targets_.clear();
  TEV_H5(H5Fflush(handle_.id(), H5F_SCOPE_GLOBAL), path_, ": writing");
  TEV_H5(handle_.close(), path_, ": closing");
}

}  // namespace tev::hdf5
