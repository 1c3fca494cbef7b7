#include "data/repack/event_digest.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tev {

void EventDigest::add(const Columns& columns) {
  const Column& any = columns.begin()->second;
  const int64_t events = any.ragged() ? any.offsets.numel() - 1 : any.values.size(0);
  std::vector<char> bytes;
  for (int64_t event = 0; event < events; ++event) {
    bytes.clear();
    for (const auto& [name, column] : columns) {
      const int64_t first = column.ragged() ? column.offsets.const_data_ptr<int64_t>()[event] : event;
      const int64_t rows = column.ragged() ? column.offsets.const_data_ptr<int64_t>()[event + 1] - first : 1;
      const int64_t row_bytes = column.values.numel() > 0 ? static_cast<int64_t>(column.values.nbytes()) / column.values.size(0) : 0;
      const auto* values = static_cast<const char*>(column.values.const_data_ptr()) + first * row_bytes;
      const auto* count = reinterpret_cast<const char*>(&rows);
      bytes.insert(bytes.end(), count, count + sizeof(rows));
      bytes.insert(bytes.end(), values, values + rows * row_bytes);
    }
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    low_ += hash.low64;
    high_ += hash.high64 + (low_ < hash.low64 ? 1 : 0);
    ++num_events_;
  }
}

}  // namespace tev
