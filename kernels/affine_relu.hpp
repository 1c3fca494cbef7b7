#pragma once
// leaky_relu(x * scale + shift), the arithmetic that batch_norm and the prologue of sparse_conv share, for CPU and CUDA.

#include "base/host_device.hpp"

namespace tev::affine_relu {

/// Two roundings, in every form, so that a convolution makes the bits of batch_norm on its way: compilers may not fuse them (CMakeLists.txt).
template <class T>
TEV_HD T affine(T x, T scale, T shift) {
  return x * scale + shift;
}

/// The product on its own, so that the choice makes vectors.
template <class T>
TEV_HD T leaky_relu(T y, T negative_slope) {
  const T low = y * negative_slope;
  return y > 0 ? y : low;
}

/// The gradient of leaky_relu(y) from that of its output; at 0 the one of the negative side.
template <class T>
TEV_HD T leaky_relu_gradient(T grad, T y, T negative_slope) {
  const T low = grad * negative_slope;
  return y > 0 ? grad : low;
}

}  // namespace tev::affine_relu
