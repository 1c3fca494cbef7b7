#pragma once
// What the backends of kernel_map share.

#include <ATen/core/Tensor.h>

#include <tuple>

#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {

/// KernelMap as an operator returns it.
using KernelMapTensors = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

/// Of checked arguments.
inline kernel_map_math::Kernel kernel_of(at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef dilation, bool transposed) {
  const auto axis = [&](int i) {
    return kernel_map_math::Axis{static_cast<int32_t>(size[i]), static_cast<int32_t>(stride[i]), static_cast<int32_t>(dilation[i]), transposed};
  };
  return {axis(0), axis(1), axis(2)};
}

}  // namespace tev
