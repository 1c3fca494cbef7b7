#pragma once
// Random voxels for the tests of models.

#include <ATen/Functions.h>

#include <vector>

namespace tev {

/// Events of so many distinct voxels in a cube of 8^3, some below zero: rows (energy, x, y, z, time) and offsets.
inline std::vector<at::Tensor> voxel_batch(const std::vector<int64_t>& lengths) {
  std::vector<at::Tensor> rows{at::empty({0, 5})};
  std::vector<int64_t> offsets{0};
  for (const int64_t length : lengths) {
    const at::Tensor place = at::randperm(512).slice(0, 0, length);
    const at::Tensor x = place.div(64, "floor") - 4, y = place.div(8, "floor").remainder(8), z = place.remainder(8) - 2;
    rows.push_back(at::stack({at::randn({length}), x.to(at::kFloat), y.to(at::kFloat), z.to(at::kFloat), at::randn({length})}, 1));
    offsets.push_back(offsets.back() + length);
  }
  return {at::cat(rows), at::tensor(offsets, at::kLong)};
}

}  // namespace tev
