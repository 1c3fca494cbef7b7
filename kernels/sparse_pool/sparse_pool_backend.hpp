#pragma once
// What the backends of sparse_pool share.

#include <ATen/core/Tensor.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/OpMathType.h>

#include "base/check.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {

/// Taps of a checked map. One without tiles has lost their number; as many as its mask holds do as well.
inline int64_t num_taps_of(at::TensorList map) {
  const int64_t lists = map[1].numel() - 1, tiles = map[3].numel() - 1;
  if (tiles == 0) return map[4].size(1) * kernel_map_math::mask_bits;
  TEV_CHECK(lists > 0 && lists % tiles == 0, "tev::sparse_pool: the map has ", lists, " lists of pairs for ", tiles,
            " tiles (as many for each were expected). Take maps from tev::kernel_map.");
  return lists / tiles;
}

/// [M, 1]: how many inputs each output of a map has, at least 1.
inline at::Tensor counts_of(at::TensorList map, at::ScalarType type) {
  at::Tensor bits = map[4].to(at::kLong).bitwise_and(0xffffffff);
  at::Tensor count = at::zeros({map[4].size(0), 1}, bits.options());
  for (int64_t i = 0; i < kernel_map_math::mask_bits; ++i) count += bits.bitwise_right_shift(i).bitwise_and(1).sum(1, /*keepdim=*/true);
  return count.clamp_min_(1).to(type);
}

/// What every input of an output of a mean gets, as wide as sums are.
inline at::Tensor shares_of_mean(const at::Tensor& grad, at::TensorList map) {
  const at::ScalarType type = at::toOpMathType(grad.scalar_type());
  return grad.to(type) / counts_of(map, type);
}

}  // namespace tev
