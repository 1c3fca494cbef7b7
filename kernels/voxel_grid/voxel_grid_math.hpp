#pragma once
// Where a voxel lies in a dense grid. For CPU and CUDA.

#include <cstdint>

#include "base/host_device.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev::voxel_grid_math {

/// A grid [events, channels, size x, size y, size z].
struct Grid {
  int64_t num_events, channels;
  int64_t origin[3], size[3];

  TEV_HD int64_t places() const { return size[0] * size[1] * size[2]; }

  /// Of the first channel of a voxel; the next one lies places() further. -1: outside.
  TEV_HD int64_t first_element(int64_t key) const {
    const voxel_key::Fields f = voxel_key::unpack(key);
    const int64_t x = f.x + voxel_key::least - origin[0], y = f.y + voxel_key::least - origin[1], z = f.z + voxel_key::least - origin[2];
    if (f.event >= num_events || x < 0 || x >= size[0] || y < 0 || y >= size[1] || z < 0 || z >= size[2]) return -1;
    return f.event * channels * places() + (x * size[1] + y) * size[2] + z;
  }
};

}  // namespace tev::voxel_grid_math
