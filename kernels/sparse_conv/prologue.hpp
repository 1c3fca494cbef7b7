#pragma once
// What taps see of x, on a CPU: x itself, or leaky_relu(x * scale + shift), made of the rows that a tile gathered.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace tev {

/// T is float or double.
template <class T>
class Prologue {
 public:
  /// @param scale, shift  [channels] of T, or both none: x itself
  Prologue(const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& shift, double negative_slope);

  /// @param rows  [num_rows, channels], of x at first
  void operator()(T* rows, int64_t num_rows, int64_t channels) const;

 private:
  at::Tensor scale_, shift_;
  T negative_slope_;
};

}  // namespace tev
