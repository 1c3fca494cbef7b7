#pragma once
// Where the time of loading goes.

#include <atomic>
#include <cstdint>

namespace tev {

/// Nanoseconds of all threads together, by stage. Counted in passing; of no consequence to what is loaded.
struct StageTimes {
  std::atomic<int64_t> read_ns = 0;       ///< bytes from the files
  std::atomic<int64_t> decode_ns = 0;     ///< filters undone
  std::atomic<int64_t> library_ns = 0;    ///< what only the HDF5 library reads: one thread, for which the others wait
  std::atomic<int64_t> convert_ns = 0;    ///< to tensors, invalid rows dropped
  std::atomic<int64_t> transform_ns = 0;  ///< features, standardisation
  std::atomic<int64_t> stored_bytes = 0;   ///< read, as they lie in the files
  std::atomic<int64_t> decoded_bytes = 0;  ///< of these, uncompressed
};

}  // namespace tev
