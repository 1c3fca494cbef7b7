#pragma once
// The arithmetic of sparse_conv, written once for CPU and CUDA.

#include <cmath>
#include <cstdint>

#include "base/host_device.hpp"

namespace tev::sparse_conv_math {

/// One rounding, everywhere.
TEV_HD float fused_multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
TEV_HD double fused_multiply_add(double a, double b, double c) { return fma(a, b, c); }

/// A gradient of weights adds up pairs within blocks of so many tiles, then the blocks in order: as many blocks as can be shared by threads,
/// whatever their number.
TEV_HD int64_t block_tiles(int64_t num_tiles) {
  constexpr int64_t most_blocks = 16, least_tiles = 32;
  const int64_t tiles = (num_tiles + most_blocks - 1) / most_blocks;
  return tiles > least_tiles ? tiles : least_tiles;
}

}  // namespace tev::sparse_conv_math
