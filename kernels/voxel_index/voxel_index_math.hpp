#pragma once
// Voxel keys: one number for (event, x, y, z), whose order is the lexicographic order of the four. For CPU and CUDA.

#include <cstdint>

#include "base/host_device.hpp"

namespace tev::voxel_key {

constexpr int32_t num_events = 1 << 16;                   ///< events are [0, num_events)
constexpr int32_t least = -(1 << 15), most = (1 << 15) - 1;  ///< of x, y and z
constexpr int32_t values = 1 << 16;                       ///< that one field of a key can have

/// A key taken apart. x, y, z are counted from `least`, so all four lie in [0, values).
struct Fields {
  int32_t event, x, y, z;
};

TEV_HD bool in_range(int32_t event, int32_t x, int32_t y, int32_t z) {
  return event >= 0 && event < num_events && x >= least && x <= most && y >= least && y <= most && z >= least && z <= most;
}

/// 16 bits for each field; the sign bit of the event's is flipped, so that signed keys are in order.
TEV_HD int64_t pack(const Fields& f) {
  return (static_cast<int64_t>(f.event) - (values >> 1)) * (int64_t{1} << 48) + (static_cast<int64_t>(f.x) << 32) +
         (static_cast<int64_t>(f.y) << 16) + f.z;
}

TEV_HD int64_t pack_coords(const int32_t* c) { return pack({c[0], c[1] - least, c[2] - least, c[3] - least}); }

TEV_HD Fields unpack(int64_t key) {
  const auto bits = static_cast<uint64_t>(key) ^ (uint64_t{1} << 63);
  return {static_cast<int32_t>(bits >> 48), static_cast<int32_t>(bits >> 32 & 0xffff), static_cast<int32_t>(bits >> 16 & 0xffff),
          static_cast<int32_t>(bits & 0xffff)};
}

TEV_HD void unpack_coords(int64_t key, int32_t* c) {
  const Fields f = unpack(key);
  c[0] = f.event;
  c[1] = f.x + least;
  c[2] = f.y + least;
  c[3] = f.z + least;
}

}  // namespace tev::voxel_key
