#pragma once
// What the backends of voxel_grid share.

#include <ATen/core/Tensor.h>

#include "kernels/voxel_grid/voxel_grid_math.hpp"

namespace tev {

/// Of [events, channels, x, y, z].
inline voxel_grid_math::Grid grid_of(at::IntArrayRef shape, at::IntArrayRef origin) {
  return {shape[0], shape[1], {origin[0], origin[1], origin[2]}, {shape[2], shape[3], shape[4]}};
}

}  // namespace tev
