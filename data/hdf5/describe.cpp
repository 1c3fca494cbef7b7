#include "data/hdf5/describe.hpp"

#include "data/hdf5/attributes.hpp"
#include "data/hdf5/filters.hpp"
#include "data/hdf5/library.hpp"
#include "data/hdf5/storage.hpp"

#include <hdf5.h>

#include <algorithm>

namespace tev::hdf5 {
namespace {

constexpr size_t kLongestText = 60;

std::string layout_text(H5D_layout_t layout) {
  switch (layout) {
    case H5D_CHUNKED: return "chunked";
    case H5D_CONTIGUOUS: return "contiguous";
    case H5D_COMPACT: return "compact";
    case H5D_VIRTUAL: return "virtual";
    default: return "unknown";
  }
}

void describe_space(int64_t dataset, DatasetDescription& description) {
  const Handle space(TEV_H5(H5Dget_space(dataset), description.path), H5Sclose);
  hsize_t sizes[H5S_MAX_RANK];
  const int rank = TEV_H5(H5Sget_simple_extent_dims(space.id(), sizes, nullptr), description.path);
  description.shape.assign(sizes, sizes + rank);
  const Handle type(TEV_H5(H5Dget_type(dataset), description.path), H5Tclose);
  description.type_text = type_text(type.id());
  RecordType record = record_type(type.id());
  const bool has_rows_of_numbers = !record.compound && record.members[0].variable_length && record.members[0].scalar != Scalar::other && rank == 1;
  description.movable = rank == 0 || !record.has_pointers() || has_rows_of_numbers;
  if (record.compound) description.members = std::move(record.members);
  description.raw_bytes = H5Sget_simple_extent_npoints(space.id()) * static_cast<int64_t>(H5Tget_size(type.id()));
  description.storage_bytes = static_cast<int64_t>(H5Dget_storage_size(dataset));
}

void describe_storage(int64_t dataset, DatasetDescription& description) {
  const Handle creation(TEV_H5(H5Dget_create_plist(dataset), description.path), H5Pclose);
  description.layout = layout_text(H5Pget_layout(creation.id()));
  if (description.layout == "chunked") {
    hsize_t sizes[H5S_MAX_RANK];
    const int rank = TEV_H5(H5Pget_chunk(creation.id(), H5S_MAX_RANK, sizes), description.path);
    description.chunk.assign(sizes, sizes + rank);
  }
  const auto filters = filters_of(creation.id());
  for (const auto& filter : filters) description.filters.push_back(filter.text());
  description.readable = are_readable(filters);
  const Handle type(TEV_H5(H5Dget_type(dataset), description.path), H5Tclose);
  description.library_reason = record_type(type.id()).has_variable_length ? kVariableLength : library_reason(creation.id(), filters);
}

}  // namespace

std::vector<DatasetDescription> describe_file(const std::string& path) {
  const auto file = File::open(path);
  std::vector<DatasetDescription> descriptions;
  for (const auto& dataset_path : file->dataset_paths()) {
    const Handle dataset(
        TEV_H5(H5Dopen2(file->id(), dataset_path.c_str(), H5P_DEFAULT), path, ": '", dataset_path, "'"), H5Dclose);
    DatasetDescription& description = descriptions.emplace_back();
    description.path = dataset_path;
    describe_space(dataset.id(), description);
    describe_storage(dataset.id(), description);
    for (auto& attribute : attribute_texts(*file, dataset_path))
      if (!attribute.second.empty() && attribute.second.size() <= kLongestText)
        description.attributes.push_back(std::move(attribute));
  }
  return descriptions;
}

}  // namespace tev::hdf5
