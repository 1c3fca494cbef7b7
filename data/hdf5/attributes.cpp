#include "data/hdf5/attributes.hpp"

#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <cstring>
#include <optional>

namespace tev::hdf5 {
namespace {

constexpr hssize_t kMostNumbers = 8;

std::string read_string(int64_t attribute, int64_t type) {
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    const Handle memory(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(memory.id(), H5T_VARIABLE);
    H5Tset_cset(memory.id(), H5Tget_cset(type));
    if (H5Aread(attribute, memory.id(), &text) < 0 || !text) return "";
    const std::string result = text;
    H5free_memory(text);
    return result;
  }
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0) return "";
  return text.substr(0, std::strlen(text.c_str()));
}

std::string read_numbers(int64_t attribute, int64_t type, size_t count) {
  if (H5Tget_class(type) == H5T_INTEGER) {
    std::vector<int64_t> values(count);
    H5Aread(attribute, H5T_NATIVE_INT64, values.data());
    return c10::str(c10::Join(", ", values));
  }
  std::vector<double> values(count);
  H5Aread(attribute, H5T_NATIVE_DOUBLE, values.data());
  return c10::str(c10::Join(", ", values));
}

std::optional<std::string> read_attribute(int64_t attribute) {
  const Handle type(H5Aget_type(attribute), H5Tclose);
  const Handle space(H5Aget_space(attribute), H5Sclose);
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  const H5T_class_t kind = H5Tget_class(type.id());
  if (kind == H5T_STRING && count == 1) return read_string(attribute, type.id());
  if ((kind == H5T_INTEGER || kind == H5T_FLOAT) && count >= 1 && count <= kMostNumbers)
    return read_numbers(attribute, type.id(), static_cast<size_t>(count));
  return std::nullopt;
}

std::string attribute_name(int64_t attribute) {
  char name[256] = "";
  H5Aget_name(attribute, sizeof(name), name);
  return name;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> attribute_texts(const File& file, const std::string& object) {
  const std::string where = file.path() + ": attributes of '" + object + "'";
  const Handle owner(TEV_H5(H5Oopen(file.id(), object.c_str(), H5P_DEFAULT), where), H5Oclose);
  std::vector<std::pair<std::string, std::string>> texts;
  const int count = TEV_H5(H5Aget_num_attrs(owner.id()), where);
  for (int i = 0; i < count; ++i) {
    const Handle attribute(TEV_H5(H5Aopen_idx(owner.id(), static_cast<unsigned>(i)), where), H5Aclose);
    if (auto text = read_attribute(attribute.id()))
      texts.emplace_back(attribute_name(attribute.id()), std::move(*text));
  }
  return texts;
}

}  // namespace tev::hdf5
