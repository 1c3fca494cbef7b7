#include "data/hdf5/filters.hpp"

#include "base/names.hpp"
#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <map>

namespace tev::hdf5 {
namespace {

/// Numbers registered with The HDF Group.
const std::map<int, std::string>& known_filters() {
  static const std::map<int, std::string> names{
      {kGzip, "gzip"},       {kShuffle, "shuffle"}, {kFletcher32, "fletcher32"}, {4, "szip"},       {5, "nbit"},
      {6, "scaleoffset"},    {307, "bzip2"},        {kLzf, "lzf"},              {kBlosc, "blosc"}, {kLz4, "lz4"},
      {32008, "bitshuffle"}, {32013, "zfp"},        {kZstd, "zstd"},            {32026, "blosc2"}};
  return names;
}

std::string blosc_codec(unsigned code) {
  static const std::vector<std::string> names{"blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"};
  return code < names.size() ? names[code] : "codec " + std::to_string(code);
}

bool is_in_library(const Filter& filter) { return TEV_H5_NOTHROW(H5Zfilter_avail(filter.id)) > 0; }

std::string remedy(int id) {
  if (id == 32000) return "Install the system package hdf5-plugin-lzf";
  return "Install it (pip install hdf5plugin) and set TEVATRAIN_PLUGINS to its plugins folder";
}

}  // namespace

std::string Filter::text() const {
  const bool is_blosc = id == 32001 || id == 32026;
  if (is_blosc && values.size() > 6) return c10::str(name, " level ", values[4], " (", blosc_codec(values[6]), ")");
  if (is_blosc && values.size() > 4) return c10::str(name, " level ", values[4]);
  if ((id == 1 || id == 32015) && !values.empty()) return c10::str(name, " level ", values[0]);
  return name;
}

std::vector<Filter> filters_of(int64_t creation_list) {
  std::vector<Filter> filters;
  const int count = TEV_H5(H5Pget_nfilters(creation_list), "filters");
  for (int i = 0; i < count; ++i) {
    unsigned flags = 0, config = 0, values[64];
    size_t num_values = 64;
    char name[256] = "";
    const int id =
        TEV_H5(H5Pget_filter2(creation_list, i, &flags, &num_values, values, sizeof(name), name, &config), "filters");
    const auto known = known_filters().find(id);
    filters.push_back({id,
                       known != known_filters().end() ? known->second
                       : *name                        ? name
                                                      : "number " + std::to_string(id),
                       {values, values + std::min<size_t>(num_values, 64)}});
  }
  return filters;
}

const Filter* filter_for_library(const std::vector<Filter>& filters) {
  static constexpr std::array compressors{kGzip, kLzf, kBlosc, kLz4, kZstd};
  int compressions = 0;
  for (const auto& filter : filters) {
    const bool compresses = std::find(compressors.begin(), compressors.end(), filter.id) != compressors.end();
    compressions += compresses;
    if ((!compresses && filter.id != kShuffle && filter.id != kFletcher32) || compressions > 1) return &filter;
  }
  return nullptr;
}

bool are_readable(const std::vector<Filter>& filters) {
  return filter_for_library(filters) == nullptr || std::all_of(filters.begin(), filters.end(), is_in_library);
}

void check_filters(const std::string& file, const std::string& dataset, const std::vector<Filter>& filters) {
  if (are_readable(filters)) return;
  const Filter& filter = *std::find_if_not(filters.begin(), filters.end(), is_in_library);
  throw InputError(c10::str(file, ": dataset '", dataset, "' is compressed with the filter ", filter.name, " (", filter.id,
                            "), for which there is no plugin (searched: ", join_names(plugin_paths()), "). ", remedy(filter.id), "."));
}

}  // namespace tev::hdf5
