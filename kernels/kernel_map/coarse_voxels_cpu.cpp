#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "kernels/kernel_map/kernel_map_backend.hpp"
#include "kernels/radix_order.hpp"

namespace tev {
namespace {

using kernel_map_math::Axis;
using voxel_key::Fields;

/// The coarse coordinates that taps of one axis join with a fine one.
void coarse_of(const Axis& axis, int32_t fine, std::vector<int32_t>& coarse) {
  coarse.clear();
  for (int32_t tap = 0, reached = 0; tap < axis.size; ++tap)
    if (axis.input_of(fine, tap, reached)) coarse.push_back(reached);
}

at::Tensor coarse_voxels_cpu(const at::Tensor& fine_any, at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef dilation) {
  const at::Tensor fine = fine_any.contiguous();
  const auto* keys = fine.const_data_ptr<int64_t>();
  const auto kernel = kernel_of(size, stride, dilation, /*transposed=*/true);
  FieldRange range;
  std::vector<int64_t> reached;
  std::vector<int32_t> xs, ys, zs;
  for (int64_t i = 0; i < fine.numel(); ++i) {
    const Fields at = voxel_key::unpack(keys[i]);
    coarse_of(kernel.x, at.x, xs);
    coarse_of(kernel.y, at.y, ys);
    coarse_of(kernel.z, at.z, zs);
    for (const int32_t x : xs)
      for (const int32_t y : ys)
        for (const int32_t z : zs) {
          const Fields coarse{at.event, x, y, z};
          const int64_t key = voxel_key::pack(coarse);
          if (!reached.empty() && reached.back() == key) continue;
          reached.push_back(key);
          range.add(coarse);
        }
  }
  std::vector<uint64_t> sorted;
  std::vector<int32_t> rows;
  if (!reached.empty()) {
    const DenseKeys dense = range.keys();
    for (const int64_t key : reached) sorted.push_back(dense.pack(voxel_key::unpack(key)));
    radix_sort(sorted, rows, dense.num_bits());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    for (size_t i = 0; i < sorted.size(); ++i) reached[i] = voxel_key::pack(dense.unpack(sorted[i]));
  }
  at::Tensor coarse = at::empty({static_cast<int64_t>(sorted.size())}, at::kLong);
  std::copy_n(reached.begin(), sorted.size(), coarse.mutable_data_ptr<int64_t>());
  return coarse;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_coarse_voxels", coarse_voxels_cpu); }

}  // namespace tev
