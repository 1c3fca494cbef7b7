#include "data/hdf5/contents.hpp"

#include "data/hdf5/library.hpp"
#include "data/hdf5/types.hpp"

#include <hdf5.h>

#include <cstring>
#include <string_view>

namespace tev::hdf5 {
namespace {

herr_t collect_object(hid_t, const char* name, const H5O_info_t* info, void* groups) {
  if (info->type == H5O_TYPE_GROUP) static_cast<std::vector<std::string>*>(groups)->push_back(std::string(name) == "." ? "/" : absolute_path(name));
  return 0;
}

herr_t collect_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
  if (info->type != H5L_TYPE_HARD) static_cast<std::vector<std::string>*>(links)->push_back(absolute_path(name));
  return 0;
}

/// Texts that the library has allocated, each behind its length; gives them back.
std::string texts_behind(std::string& pointers, int64_t type, int64_t space, const std::string& where) {
  std::string content;
  for (size_t at = 0; at < pointers.size(); at += sizeof(char*)) {
    const char* text = nullptr;
    std::memcpy(&text, pointers.data() + at, sizeof(text));
    const std::string_view words = text == nullptr ? std::string_view() : text;  // null: never written
    content += c10::str(words.size(), ":", words);
  }
  if (!pointers.empty()) TEV_H5(H5Dvlen_reclaim(type, space, H5P_DEFAULT, pointers.data()), where);
  return content;
}

}  // namespace

Contents contents_of(const File& file) {
  Contents contents;
  TEV_H5(H5Ovisit2(file.id(), H5_INDEX_NAME, H5_ITER_INC, collect_object, &contents.groups, H5O_INFO_BASIC), file.path());
  TEV_H5(H5Lvisit(file.id(), H5_INDEX_NAME, H5_ITER_INC, collect_link, &contents.links), file.path());
  for (const auto& path : file.dataset_paths()) {
    const Handle dataset(TEV_H5(H5Dopen2(file.id(), path.c_str(), H5P_DEFAULT), file.path(), ": '", path, "'"), H5Dclose);
    const Handle space(TEV_H5(H5Dget_space(dataset.id()), file.path(), ": '", path, "'"), H5Sclose);
    if (H5Sget_simple_extent_type(space.id()) != H5S_SIMPLE) contents.scalars.push_back(path);
  }
  return contents;
}

std::optional<std::string> whole_content(const File& file, const std::string& path) {
  const std::string where = file.path() + ": dataset '" + path + "'";
  const Handle dataset(TEV_H5(H5Dopen2(file.id(), path.c_str(), H5P_DEFAULT), where), H5Dclose);
  const Handle type(TEV_H5(H5Dget_type(dataset.id()), where), H5Tclose);
  const Handle space(TEV_H5(H5Dget_space(dataset.id()), where), H5Sclose);
  const bool texts = TEV_H5(H5Tis_variable_str(type.id()), where) > 0;
  if (!texts && record_type(type.id()).has_pointers()) return std::nullopt;
  hsize_t sizes[H5S_MAX_RANK];
  const int rank = TEV_H5(H5Sget_simple_extent_dims(space.id(), sizes, nullptr), where);
  const std::string head = c10::str(type_text(type.id()), " [", c10::Join(", ", std::vector<hsize_t>(sizes, sizes + rank)), "] ");
  std::string content(static_cast<size_t>(H5Sget_simple_extent_npoints(space.id())) * H5Tget_size(type.id()), '\0');
  if (!content.empty()) TEV_H5(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()), where);
  return head + (texts ? texts_behind(content, type.id(), space.id(), where) : content);
}

}  // namespace tev::hdf5
