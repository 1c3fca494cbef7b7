#pragma once
// Which voxel a tap of a kernel reaches, along one axis and in keys. For CPU and CUDA.

#include <cstdint>

#include "base/host_device.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev::kernel_map_math {

/// One axis of a kernel. Coordinates here are counted from voxel_key::least, so they lie in [0, voxel_key::values).
///
/// The written contract of all kernels, after fVDB: fine = stride * coarse + dilation * tap - floor(dilation * (size - 1) / 2).
struct Axis {
  int32_t size, stride, dilation;
  bool transposed;  ///< inputs are coarse and outputs fine, else the other way round

  TEV_HD int64_t padding() const { return static_cast<int64_t>(dilation) * (size - 1) / 2; }

  /// The input that a tap of an output reaches; false: none, or none that a key can name.
  TEV_HD bool input_of(int32_t output, int32_t tap, int32_t& input) const {
    const int64_t actual = static_cast<int64_t>(output) + voxel_key::least;
    const int64_t offset = static_cast<int64_t>(dilation) * tap - padding();
    int64_t reached = 0;
    if (transposed) {
      const int64_t fine = actual - offset;
      if (fine % stride != 0) return false;
      reached = fine / stride;
    } else {
      reached = stride * actual + offset;
    }
    reached -= voxel_key::least;
    input = static_cast<int32_t>(reached);
    return reached >= 0 && reached < voxel_key::values;
  }

  /// The tap by which an output reaches an input; false: none.
  TEV_HD bool tap_of(int32_t output, int32_t input, int32_t& tap) const {
    const int64_t coarse = static_cast<int64_t>(transposed ? input : output) + voxel_key::least;
    const int64_t fine = static_cast<int64_t>(transposed ? output : input) + voxel_key::least;
    const int64_t offset = fine - stride * coarse + padding();
    const int64_t reached = dilation == 1 ? offset : offset / dilation;
    tap = static_cast<int32_t>(reached);
    return offset >= 0 && reached < size && (dilation == 1 || offset % dilation == 0);
  }

  /// Bounds of what the taps of an output reach, which rise with it; within what a key can name, so that they stand for a range of keys.
  TEV_HD int32_t least_input(int32_t output) const { return bounded(transposed ? coarse_near(output, size - 1) : stride * actual(output) - padding()); }
  TEV_HD int32_t most_input(int32_t output) const {
    return bounded(transposed ? coarse_near(output, 0) : stride * actual(output) - padding() + static_cast<int64_t>(dilation) * (size - 1));
  }

 private:
  static TEV_HD int64_t actual(int32_t coordinate) { return static_cast<int64_t>(coordinate) + voxel_key::least; }
  static TEV_HD int32_t bounded(int64_t actual_input) {
    const int64_t input = actual_input - voxel_key::least;
    return static_cast<int32_t>(input < 0 ? 0 : (input < voxel_key::values ? input : voxel_key::values - 1));
  }
  /// Rounded to zero: no coarse voxel that a tap reaches lies between that and the quotient.
  TEV_HD int64_t coarse_near(int32_t output, int64_t tap) const {
    return (actual(output) + padding() - static_cast<int64_t>(dilation) * tap) / stride;
  }
};

/// x, y, z. A tap is (tap_x * size_y + tap_y) * size_z + tap_z.
struct Kernel {
  Axis x, y, z;

  TEV_HD int64_t num_taps() const { return static_cast<int64_t>(x.size) * y.size * z.size; }
};

/// A pair of a tile: the input as a place in the tile's list of inputs, and the output counted from the tile's first.
constexpr int64_t tile_rows = 128;
constexpr int row_bits = 7;

TEV_HD int32_t pack_pair(int32_t place, int32_t row) { return static_cast<int32_t>(static_cast<uint32_t>(place) << row_bits | static_cast<uint32_t>(row)); }
TEV_HD int32_t place_of(int32_t pair) { return static_cast<int32_t>(static_cast<uint32_t>(pair) >> row_bits); }
TEV_HD int32_t row_of(int32_t pair) { return pair & (tile_rows - 1); }

/// Taps that the mask of a row needs words for.
constexpr int64_t mask_bits = 32;
TEV_HD int64_t mask_words(int64_t num_taps) { return (num_taps + mask_bits - 1) / mask_bits; }

}  // namespace tev::kernel_map_math
