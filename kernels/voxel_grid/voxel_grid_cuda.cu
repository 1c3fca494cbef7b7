#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "base/launch.cuh"
#include "kernels/voxel_grid/voxel_grid_backend.hpp"

namespace tev {
namespace {

using voxel_grid_math::Grid;

/// Element i = voxel * channels + channel; a voxel outside is left out.
template <class scalar_t>
struct PutElement {
  Grid grid;
  const int64_t* keys;  // [M]
  const scalar_t* x;    // [M, channels]
  scalar_t* dense;
  __device__ void operator()(int64_t i) const {
    const int64_t first = grid.first_element(keys[i / grid.channels]);
    if (first >= 0) dense[first + i % grid.channels * grid.places()] = x[i];
  }
};

template <class scalar_t>
struct TakeElement {
  Grid grid;
  const int64_t* keys;    // [M]
  const scalar_t* dense;
  scalar_t* x;            // [M, channels]
  __device__ void operator()(int64_t i) const {
    const int64_t first = grid.first_element(keys[i / grid.channels]);
    x[i] = first >= 0 ? dense[first + i % grid.channels * grid.places()] : scalar_t(0);
  }
};

at::Tensor to_dense_cuda(const at::Tensor& x_any, const at::Tensor& keys_any, int64_t num_events, at::IntArrayRef origin, at::IntArrayRef size) {
  const at::Tensor x = x_any.contiguous(), keys = keys_any.contiguous();
  at::Tensor dense = at::zeros({num_events, x.size(1), size[0], size[1], size[2]}, x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "to_dense", [&] {
    launch_for_each("tev::to_dense", x.device(), x.numel(),
                    PutElement<scalar_t>{grid_of(dense.sizes(), origin), keys.const_data_ptr<int64_t>(), x.const_data_ptr<scalar_t>(), dense.mutable_data_ptr<scalar_t>()});
  });
  return dense;
}

at::Tensor from_dense_cuda(const at::Tensor& dense_any, const at::Tensor& keys_any, at::IntArrayRef origin) {
  const at::Tensor dense = dense_any.contiguous(), keys = keys_any.contiguous();
  at::Tensor x = at::empty({keys.numel(), dense.size(1)}, dense.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dense.scalar_type(), "from_dense", [&] {
    launch_for_each("tev::from_dense", dense.device(), x.numel(),
                    TakeElement<scalar_t>{grid_of(dense.sizes(), origin), keys.const_data_ptr<int64_t>(), dense.const_data_ptr<scalar_t>(), x.mutable_data_ptr<scalar_t>()});
  });
  return x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_to_dense", to_dense_cuda);
  m.impl("_from_dense", from_dense_cuda);
}

}  // namespace tev
