#include <ATen/TensorOperators.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/unique_consecutive.h>
#include <ATen/ops/zeros.h>

#include <optional>

#include "kernels/voxel_index/voxel_index.hpp"

namespace tev {

VoxelIndex voxel_index_portable(const at::Tensor& coords) {
  const at::Tensor fields = coords.to(at::kLong);
  const auto field = [&](int64_t i) { return fields.select(1, i) + 0x8000; };
  const at::Tensor keys = (field(0) - 0x10000) * (int64_t{1} << 48) + field(1) * (int64_t{1} << 32) + field(2) * 0x10000 + field(3);
  const auto [sorted, order] = keys.sort(/*stable=*/std::optional<bool>(true), /*dim=*/0);
  const auto [voxels, of_sorted, counts] = at::unique_consecutive(sorted, /*return_inverse=*/true, /*return_counts=*/true);
  const at::Tensor offsets = at::cat({counts.slice(0, 0, 1).mul(0).sum(0, /*keepdim=*/true), counts.cumsum(0)});
  return {voxels, order, offsets, at::empty_like(order).index_put({order}, of_sorted)};
}

}  // namespace tev
