#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/matmul.h>

#include "kernels/sparse_conv/sparse_conv.hpp"

namespace tev {

// A row of zeros stands before x, for taps that join nothing. No size of a tensor is read.
at::Tensor sparse_conv_portable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& table, const ConvolutionFusion& fusion) {
  const at::Tensor seen = fusion.scale.defined() ? at::leaky_relu(x.to(fusion.scale.scalar_type()) * fusion.scale + fusion.shift, fusion.negative_slope) : x;
  const at::Tensor rows = seen.to(weight.scalar_type());
  const at::Tensor padded = at::cat({rows.new_zeros({1, weight.size(1)}), rows});
  at::Tensor out;
  for (int64_t tap = 0; tap < weight.size(0); ++tap) {
    const at::Tensor product = at::matmul(padded.index_select(0, table.select(1, tap) + 1), weight.select(0, tap));
    out = out.defined() ? out + product : product;
  }
  if (bias.defined()) out = out + bias;
  if (fusion.residual.defined()) out = out + fusion.residual;
  return out.to(x.scalar_type());
}

}  // namespace tev
