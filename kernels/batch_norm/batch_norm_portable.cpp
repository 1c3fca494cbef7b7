#include <ATen/TensorOperators.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>

#include "base/portable.hpp"
#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/batch_norm/batch_norm_backend.hpp"

namespace tev {

// No size of a tensor is read: the tracer would bake it into the graph.
at::Tensor batch_norm_sums_portable(const at::Tensor& x) {
  const at::Tensor rows = x.to(at::kDouble);
  return at::stack({at::ones_like(rows).sum(0), rows.sum(0), rows.square().sum(0)});
}

at::Tensor batch_norm_moments_of(const at::Tensor& x, const at::Tensor& running_mean, const at::Tensor& running_var, const BatchNormOptions& options) {
  if (!options.training) return at::stack({running_mean, running_mean, running_var}).to(at::kDouble);  // the number of rows plays no part
  const at::Tensor moments = batch_norm_moments(portable_mode() ? batch_norm_sums_portable(x) : batch_norm_sums(x));
  update_running_statistics(running_mean, running_var, moments, options.momentum);
  return moments;
}

at::Tensor batch_norm_portable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
                               const at::Tensor& running_var, const BatchNormOptions& options) {
  const PortableGuard portable;
  const at::Tensor moments = batch_norm_moments_of(x, running_mean, running_var, options);
  const auto [scale, shift] = batch_norm_scale_shift(moments, weight, bias, options.eps, x.scalar_type());
  const at::Tensor out = x.to(scale.scalar_type()) * scale + shift;
  return (options.negative_slope == 1 ? out : at::leaky_relu(out, options.negative_slope)).to(x.scalar_type());
}

}  // namespace tev
