#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>

#include "base/check.hpp"
#include "kernels/segment_reduce/segment_tiles.hpp"
#include "kernels/voxel_grid/voxel_grid_backend.hpp"

namespace tev {
namespace {

using voxel_grid_math::Grid;

void check_inside(const char* where, const Grid& grid, const at::Tensor& keys) {
  const auto* key = keys.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < keys.numel(); ++i) {
    if (grid.first_element(key[i]) >= 0) continue;
    int32_t c[4];
    voxel_key::unpack_coords(key[i], c);
    TEV_CHECK(false, where, ": voxel ", i, " is event ", c[0], ", x ", c[1], ", y ", c[2], ", z ", c[3], " (events 0 to ", grid.num_events - 1, ", x ", grid.origin[0],
              " to ", grid.origin[0] + grid.size[0] - 1, ", y ", grid.origin[1], " to ", grid.origin[1] + grid.size[1] - 1, ", z ", grid.origin[2], " to ",
              grid.origin[2] + grid.size[2] - 1, " were expected). Take a larger box, or remove the voxel.");
  }
}

/// body(voxel, first element in the grid) in parallel. No two voxels of voxel_index have one place; of equal keys any may win.
template <class Body>
void for_each_voxel(const Grid& grid, const at::Tensor& keys, const Body& body) {
  const auto* key = keys.const_data_ptr<int64_t>();
  at::parallel_for(0, keys.numel(), std::max<int64_t>(1, grain_elements / std::max<int64_t>(1, grid.channels)), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i, grid.first_element(key[i]));
  });
}

at::Tensor to_dense_cpu(const at::Tensor& x_any, const at::Tensor& keys_any, int64_t num_events, at::IntArrayRef origin, at::IntArrayRef size) {
  const at::Tensor x = x_any.contiguous(), keys = keys_any.contiguous();
  at::Tensor dense = at::zeros({num_events, x.size(1), size[0], size[1], size[2]}, x.options());
  const Grid grid = grid_of(dense.sizes(), origin);
  check_inside("tev::to_dense", grid, keys);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "to_dense", [&] {
    const scalar_t* from = x.const_data_ptr<scalar_t>();
    scalar_t* to = dense.mutable_data_ptr<scalar_t>();
    for_each_voxel(grid, keys, [&](int64_t i, int64_t first) {
      for (int64_t c = 0; c < grid.channels; ++c) to[first + c * grid.places()] = from[i * grid.channels + c];
    });
  });
  return dense;
}

at::Tensor from_dense_cpu(const at::Tensor& dense_any, const at::Tensor& keys_any, at::IntArrayRef origin) {
  const at::Tensor dense = dense_any.contiguous(), keys = keys_any.contiguous();
  const Grid grid = grid_of(dense.sizes(), origin);
  check_inside("tev::from_dense", grid, keys);
  at::Tensor x = at::empty({keys.numel(), grid.channels}, dense.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dense.scalar_type(), "from_dense", [&] {
    const scalar_t* from = dense.const_data_ptr<scalar_t>();
    scalar_t* to = x.mutable_data_ptr<scalar_t>();
    for_each_voxel(grid, keys, [&](int64_t i, int64_t first) {
      for (int64_t c = 0; c < grid.channels; ++c) to[i * grid.channels + c] = from[first + c * grid.places()];
    });
  });
  return x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) {
  m.impl("_to_dense", to_dense_cpu);
  m.impl("_from_dense", from_dense_cpu);
}

}  // namespace tev
