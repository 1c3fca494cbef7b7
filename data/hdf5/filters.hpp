#pragma once
// The filters (compression) of a dataset.

#include "data/hdf5/file.hpp"

namespace tev::hdf5 {

/// Numbers of the filters that are undone without the library (data/decode).
inline constexpr int kGzip = 1, kShuffle = 2, kFletcher32 = 3, kLzf = 32000, kBlosc = 32001, kLz4 = 32004, kZstd = 32015;

/// One stage of a dataset's filter pipeline.
struct Filter {
  int id = 0;
  std::string name;              ///< gzip, shuffle, blosc, ...; the stored name where the number is not known here
  std::vector<unsigned> values;  ///< the filter's own parameters
  std::string text() const;      ///< for people: "gzip level 5", "blosc level 5 (zstd)"
};

/// @param creation_list  a dataset creation property list
std::vector<Filter> filters_of(int64_t creation_list);

/// The first filter that data/decode cannot undo, so that the library must: one it does not know, or a second compression; else null.
const Filter* filter_for_library(const std::vector<Filter>& filters);

/// Whether the filters can be undone, here or by the library with the plugins that are there.
bool are_readable(const std::vector<Filter>& filters);

/// @throws InputError  a filter that the library must undo has no plugin: names dataset, filter, the folders searched and what to install
void check_filters(const std::string& file, const std::string& dataset, const std::vector<Filter>& filters);

}  // namespace tev::hdf5
