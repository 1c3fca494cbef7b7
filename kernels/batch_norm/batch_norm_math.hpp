#pragma once
// The scalar arithmetic of batch_norm, written once for CPU and CUDA.

#include <cstdint>

#include "base/host_device.hpp"

namespace tev::batch_norm_math {

/// Sums are taken over blocks of so many rows, then over the blocks in order: the same for any number of threads.
constexpr int64_t block_rows = 512;

/// Two roundings, in every form: what a convolution applies to its input gives the same bits.
template <class T>
TEV_HD T normalize(T x, T scale, T shift) {
  return x * scale + shift;
}

template <class T>
TEV_HD T leaky_relu(T y, T negative_slope) {
  return y > 0 ? y : y * negative_slope;
}

/// The gradient of leaky_relu(y) from that of its output; at 0 the one of the negative side.
template <class T>
TEV_HD T leaky_relu_gradient(T grad, T y, T negative_slope) {
  return y > 0 ? grad : grad * negative_slope;
}

/// The gradient of x is linear in the gradient of what is normalised and in x: the statistics depend on all rows.
template <class T>
TEV_HD T input_gradient(T grad, T x, T scale, T of_x, T constant) {
  return grad * scale + (x * of_x + constant);
}

}  // namespace tev::batch_norm_math
