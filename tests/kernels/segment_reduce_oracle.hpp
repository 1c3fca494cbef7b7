#pragma once
// What the tests of segment_reduce share: ragged inputs, and the definition as one loop over scalars.

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include "kernels/segment_reduce/segment_reduce.hpp"

namespace tev::test {

inline constexpr SegmentReduction reductions[] = {SegmentReduction::sum, SegmentReduction::mean, SegmentReduction::max,
                                           SegmentReduction::min};

inline at::Tensor offsets_of(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> offsets = {0};
  for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return at::tensor(offsets, at::kLong);
}

/// Empty segments in front, in the middle and at the end.
inline at::Tensor ragged_offsets() { return offsets_of({0, 0, 3, 1, 0, 7, 2, 0, 0, 11, 0}); }

/// No two equal values in a column, far apart compared with the step of gradcheck.
inline at::Tensor distinct_values(at::IntArrayRef shape) {
  const int64_t count = c10::multiply_integers(shape);
  return at::arange(count, at::kDouble).mul(2654435761.0).remainder(977.0).div(100.0).sub(4.0).view(shape);
}

/// The definition, one scalar at a time.
inline double reduce_scalars(const std::vector<double>& values, SegmentReduction reduction) {
  if (values.empty()) return 0;
  double result = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    if (reduction == SegmentReduction::max || reduction == SegmentReduction::min) {
      const bool better = reduction == SegmentReduction::max ? values[i] > result : values[i] < result;
      if (!std::isnan(result) && (better || std::isnan(values[i]))) result = values[i];
    } else {
      result += values[i];
    }
  }
  return reduction == SegmentReduction::mean ? result / static_cast<double>(values.size()) : result;
}

inline at::Tensor naive_loop(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction) {
  const at::Tensor flat = x.cpu().to(at::kDouble).reshape({x.size(0), c10::multiply_integers(x.sizes().slice(1))});
  const at::Tensor ends_cpu = offsets.cpu();
  at::Tensor out = at::zeros({ends_cpu.numel() - 1, flat.size(1)}, at::kDouble);
  const auto ends = ends_cpu.accessor<int64_t, 1>();
  const auto rows = flat.accessor<double, 2>();
  auto results = out.accessor<double, 2>();
  for (int64_t s = 0; s < out.size(0); ++s)
    for (int64_t c = 0; c < out.size(1); ++c) {
      std::vector<double> values;
      for (int64_t r = ends[s]; r < ends[s + 1]; ++r) values.push_back(rows[r][c]);
      results[s][c] = reduce_scalars(values, reduction);
    }
  std::vector<int64_t> shape = x.sizes().vec();
  shape[0] = out.size(0);
  return out.view(shape).to(x.scalar_type());
}

inline at::Tensor gradient_of(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction,
                       const at::Tensor& grad_out) {
  const at::Tensor leaf = x.detach().clone().requires_grad_();
  return torch::autograd::grad({segment_reduce(leaf, offsets, reduction)}, {leaf}, {grad_out})[0];
}

}  // namespace tev::test
