#pragma once
// Tensors seen as rows: dimension 0 against all the others.

#include <ATen/core/Tensor.h>

namespace tev {

/// Product of all dimensions but the first.
inline int64_t flat_channels(const at::Tensor& x) { return c10::multiply_integers(x.sizes().slice(1)); }

/// The same shape with another number of rows.
inline at::DimVector with_rows(at::IntArrayRef shape, int64_t num_rows) {
  at::DimVector result(shape.begin(), shape.end());
  result[0] = num_rows;
  return result;
}

}  // namespace tev
