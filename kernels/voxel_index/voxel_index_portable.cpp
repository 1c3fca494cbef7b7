#include <ATen/TensorOperators.h>
#include <ATen/ops/_functional_assert_async.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/unique_consecutive.h>
#include <ATen/ops/zeros.h>

#include <optional>

#include "kernels/voxel_index/voxel_index.hpp"

namespace tev {
namespace {

/// Keys that cannot be had from a graph in which a voxel has two rows. The assertion knows the CPU alone; a number from there goes with any keys.
at::Tensor if_single(const at::Tensor& keys, const at::Tensor& counts) {
  const at::Tensor single = counts.le(1).all().cpu();
  return keys + at::_functional_assert_async(single, "tev::voxel_index: two rows of coords are one voxel (duplicates is 'error'). Join or remove them.",
                                             single.logical_not().to(at::kLong));
}

/// Fields [N, 4] that cannot be had from a graph where one of them is out of range: it would run into the next one.
at::Tensor if_in_range(const at::Tensor& fields) {
  const at::Tensor event = fields.select(1, 0), place = fields.slice(1, 1);
  const at::Tensor inside = event.ge(0).logical_and(event.lt(0x10000)).all().logical_and(place.ge(-0x8000).logical_and(place.lt(0x8000)).all()).cpu();
  return fields + at::_functional_assert_async(inside, "tev::voxel_index: coords are not whole numbers within range (events 0 to 65535, x, y, z -32768 to 32767).",
                                               inside.logical_not().to(at::kLong));
}

}  // namespace

VoxelIndex voxel_index_portable(const at::Tensor& coords, Duplicates duplicates) {
  const at::Tensor fields = if_in_range(coords.to(at::kLong));
  const auto field = [&](int64_t i) { return fields.select(1, i) + 0x8000; };
  const at::Tensor keys = (field(0) - 0x10000) * (int64_t{1} << 48) + field(1) * (int64_t{1} << 32) + field(2) * 0x10000 + field(3);
  const auto [sorted, order] = keys.sort(/*stable=*/std::optional<bool>(true), /*dim=*/0);
  const auto [voxels, of_sorted, counts] = at::unique_consecutive(sorted, /*return_inverse=*/true, /*return_counts=*/true);
  const at::Tensor offsets = at::cat({counts.slice(0, 0, 1).mul(0).sum(0, /*keepdim=*/true), counts.cumsum(0)});
  return {duplicates == Duplicates::error ? if_single(voxels, counts) : voxels, order, offsets, at::empty_like(order).index_put({order}, of_sorted)};
}

at::Tensor event_offsets_portable(const at::Tensor& keys, const at::Tensor& of_events) {
  const at::Tensor event = at::ones_like(of_events, at::kLong).cumsum(0) - 1;
  const at::Tensor least_keys = (event - 0x8000) * (int64_t{1} << 48);
  return at::cat({at::searchsorted(keys.contiguous(), least_keys), at::ones_like(keys).sum(0, /*keepdim=*/true)});
}

}  // namespace tev
