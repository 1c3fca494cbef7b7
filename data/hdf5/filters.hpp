#pragma once
// The filters (compression) of a dataset.

#include "data/hdf5/file.hpp"

namespace tev::hdf5 {

/// One stage of a dataset's filter pipeline.
struct Filter {
  int id = 0;
  std::string name;              ///< gzip, shuffle, blosc, ...; the stored name where the number is not known here
  std::vector<unsigned> values;  ///< the filter's own parameters
  std::string text() const;      ///< for people: "gzip level 5", "blosc level 5 (zstd)"
};

/// @param creation_list  a dataset creation property list
std::vector<Filter> filters_of(int64_t creation_list);

/// @throws InputError  a filter has no plugin: names dataset, filter, the folders searched and what to install
void check_filters(const std::string& file, const std::string& dataset, const std::vector<Filter>& filters);

}  // namespace tev::hdf5
