#include "data/hdf5/texts.hpp"

#include "data/hdf5/dataset.hpp"
#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <cstring>

namespace tev::hdf5 {

std::vector<std::string> read_texts(const File& file, const std::string& path) {
  const std::string where = file.path() + ": dataset '" + path + "'";
  const Handle dataset(TEV_H5(H5Dopen2(file.id(), path.c_str(), H5P_DEFAULT), where), H5Dclose);
  const Handle type(TEV_H5(H5Dget_type(dataset.id()), where), H5Tclose);
  const Handle space(TEV_H5(H5Dget_space(dataset.id()), where), H5Sclose);
  const auto count = static_cast<size_t>(TEV_H5(H5Sget_simple_extent_npoints(space.id()), where));
  std::vector<std::string> texts;
  if (H5Tget_class(type.id()) == H5T_INTEGER) {
    std::vector<int64_t> numbers(count);
    TEV_H5(H5Dread(dataset.id(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), where);
    for (const int64_t number : numbers) texts.push_back(std::to_string(number));
    return texts;
  }
  TEV_CHECK_INPUT(H5Tget_class(type.id()) == H5T_STRING && H5Tis_variable_str(type.id()) == 0, where, " is ", type_text(type.id()),
                  " (names of fixed length, or integers, were expected). Name columns by their block and position.");
  const size_t length = H5Tget_size(type.id());
  std::vector<char> characters(count * length);
  TEV_H5(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, characters.data()), where);
  for (size_t i = 0; i < count; ++i) {
    const char* text = characters.data() + i * length;
    texts.emplace_back(text, strnlen(text, length));
  }
  return texts;
}

}  // namespace tev::hdf5
