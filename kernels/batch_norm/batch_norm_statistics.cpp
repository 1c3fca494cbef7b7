// What happens to sums and moments: a few numbers a channel, so ATen on any device.

#include <ATen/OpMathType.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/batch_norm/batch_norm_backend.hpp"

namespace tev {

at::Tensor batch_norm_moments(const at::Tensor& sums) {
  const at::Tensor rows = sums.select(0, 0), counted = rows.clamp_min(1), mean = sums.select(0, 1) / counted;
  return at::stack({rows, mean, (sums.select(0, 2) / counted - mean * mean).clamp_min(0)});
}

void update_running_statistics(const at::Tensor& running_mean, const at::Tensor& running_var, const at::Tensor& moments, double momentum) {
  const at::NoGradGuard no_grad;
  const at::Tensor rows = moments.select(0, 0);
  const auto move = [&](const at::Tensor& running, const at::Tensor& to, int64_t enough_rows) {
    if (!running.defined()) return;
    const at::Tensor share = rows.ge(enough_rows).to(running.scalar_type()).mul_(momentum);  // not an if: other ranks may have the rows
    running.lerp_(to.to(running.scalar_type()), share);
  };
  move(running_mean, moments.select(0, 1), 1);
  move(running_var, moments.select(0, 2) * rows / (rows - 1).clamp_min(1), 2);
}

ScaleShift batch_norm_scale_shift(const at::Tensor& moments, const at::Tensor& weight, const at::Tensor& bias, double eps, at::ScalarType type) {
  const at::ScalarType wide = at::toOpMathType(type);
  at::Tensor scale = (moments.select(0, 2) + eps).rsqrt();
  if (weight.defined()) scale = scale * weight;
  scale = scale.to(wide);
  at::Tensor shift = moments.select(0, 1) * scale;  // as rounded, so that the mean of a channel goes to its bias
  shift = bias.defined() ? bias - shift : shift.neg();
  return {scale, shift.to(wide)};
}

BatchNormGradients batch_norm_gradients(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& moments, const at::Tensor& backward_sums,
                                        const ScaleShift& affine, const BatchNormOptions& options) {
  const at::Tensor mean = moments.select(0, 1), inverse = (moments.select(0, 2) + options.eps).rsqrt();
  const at::Tensor sum = backward_sums.select(0, 0), with_deviation = backward_sums.select(0, 1) - mean * sum;
  at::Tensor of_x = at::zeros_like(affine.scale), constant = of_x;
  if (options.training) {
    const at::Tensor share = affine.scale / moments.select(0, 0).clamp_min(1);
    of_x = share.neg() * with_deviation * inverse * inverse;
    constant = (share * sum + of_x * mean).neg().to(affine.scale.scalar_type());
    of_x = of_x.to(affine.scale.scalar_type());
  }
  return {batch_norm_input_gradient(grad, x, affine, of_x, constant, options.negative_slope), inverse * with_deviation, sum};
}

}  // namespace tev
