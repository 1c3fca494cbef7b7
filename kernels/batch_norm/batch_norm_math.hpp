#pragma once
// The scalar arithmetic of batch_norm, written once for CPU and CUDA.

#include <cstdint>

#include "base/host_device.hpp"

namespace tev::batch_norm_math {

/// Sums are taken over blocks of so many rows, then over the blocks in order: the same for any number of threads.
constexpr int64_t block_rows = 512;

/// The gradient of x is linear in the gradient of what is normalised and in x: the statistics depend on all rows.
template <class T>
TEV_HD T input_gradient(T grad, T x, T scale, T of_x, T constant) {
  return grad * scale + (x * of_x + constant);
}

}  // namespace tev::batch_norm_math
