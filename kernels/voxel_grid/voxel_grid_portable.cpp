#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <tuple>

#include "kernels/voxel_grid/voxel_grid.hpp"
#include "kernels/voxel_index/voxel_index.hpp"

namespace tev {
namespace {

/// The place of each voxel among num_events * x * y * z, and whether it has one.
std::tuple<at::Tensor, at::Tensor> places_of(const at::Tensor& keys, const c10::SymInt& num_events, const std::array<int64_t, 3>& origin, c10::SymIntArrayRef size) {
  const at::Tensor coords = voxel_coords(keys).to(at::kLong);
  at::Tensor place = coords.select(1, 0), inside = place.lt(c10::Scalar(num_events));
  for (int64_t i = 0; i < 3; ++i) {
    const c10::Scalar extent(size[static_cast<size_t>(i)]);
    const at::Tensor at = coords.select(1, i + 1) - origin[static_cast<size_t>(i)];
    inside = inside & at.ge(0) & at.lt(extent);
    place = place * extent + at;
  }
  return {place, inside};
}

}  // namespace

// One more place takes what is outside.
at::Tensor to_dense_portable(const at::Tensor& x, const at::Tensor& keys, const c10::SymInt& num_events, const std::array<int64_t, 3>& origin, c10::SymIntArrayRef size) {
  const auto [place, inside] = places_of(keys, num_events, origin, size);
  const c10::SymInt places = num_events * size[0] * size[1] * size[2];
  const at::Tensor rows = at::zeros_symint({places + 1, x.sym_size(1)}, x.options()).index_copy(0, at::where(inside, place, c10::Scalar(places)), x);
  return rows.slice_symint(0, 0, places).view_symint({num_events, size[0], size[1], size[2], x.sym_size(1)}).permute({0, 4, 1, 2, 3}).contiguous();
}

at::Tensor from_dense_portable(const at::Tensor& dense, const at::Tensor& keys, const std::array<int64_t, 3>& origin) {
  const auto [place, inside] = places_of(keys, dense.sym_size(0), origin, dense.sym_sizes().slice(2));
  const at::Tensor rows = dense.permute({0, 2, 3, 4, 1}).flatten(0, 3);
  const at::Tensor padded = at::cat({rows.new_zeros_symint({1, dense.sym_size(1)}), rows});
  return padded.index_select(0, at::where(inside, place + 1, 0));
}

}  // namespace tev
