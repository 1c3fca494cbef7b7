#include "data/hdf5/advice.hpp"

#include "data/hdf5/storage.hpp"

#include <c10/util/StringUtil.h>

#include <algorithm>

namespace tev::hdf5 {
namespace {

/// Chunks beyond this make few units of reading, which mix badly; below the other one they cost more to find than to read.
constexpr int64_t kLargeChunk = int64_t{16} << 20;
constexpr int64_t kSmallChunk = int64_t{16} << 10;
/// Smaller datasets are read in no time, however they are stored.
constexpr int64_t kSmallDataset = int64_t{4} << 20;

int64_t chunk_bytes(const DatasetDescription& dataset) {
  int64_t records = 1, all = 1;
  for (const int64_t n : dataset.chunk) records *= n;
  for (const int64_t n : dataset.shape) all *= n;
  return all > 0 ? dataset.raw_bytes / all * records : 0;
}

}  // namespace

std::vector<std::string> advice_for(const DatasetDescription& dataset) {
  std::vector<std::string> advice;
  const bool has_rows_elsewhere = !dataset.shape.empty() && dataset.movable && dataset.library_reason == kVariableLength;  // how many bytes is not known
  if (dataset.raw_bytes < kSmallDataset && !has_rows_elsewhere) return advice;
  if (dataset.library_reason == kVirtual)
    advice.push_back("a virtual dataset: unless it is nothing but whole datasets of other files, only the HDF5 library reads it, on one thread");
  else if (!dataset.library_reason.empty())
    advice.push_back("only the HDF5 library reads it (" + dataset.library_reason + "): one thread, whatever data.workers says");
  if (dataset.chunk.empty()) return advice;
  const int64_t bytes = chunk_bytes(dataset);
  if (bytes > kLargeChunk) advice.push_back(c10::str("its chunks of ", bytes >> 20, " MiB make few units of reading, which mix badly and take much memory"));
  if (bytes < kSmallChunk) advice.push_back(c10::str("its chunks of ", bytes, " bytes cost more to find than to read"));
  if (dataset.library_reason.empty() && std::any_of(dataset.filters.begin(), dataset.filters.end(), [](const auto& filter) { return filter.rfind("gzip", 0) == 0; }))
    advice.push_back("gzip is decoded more slowly than zstd");
  return advice;
}

}  // namespace tev::hdf5
