#pragma once
// What a backend of batch_norm computes, as the rest of it calls it.

#include "kernels/batch_norm/batch_norm.hpp"

namespace tev {

/// [N, channels]: g * scale + (x * of_x + constant), g the gradient before the leaky ReLU.
/// @param of_x, constant  [channels], dtype of scale
at::Tensor batch_norm_input_gradient(const at::Tensor& grad, const at::Tensor& x, const ScaleShift& affine, const at::Tensor& of_x,
                                     const at::Tensor& constant, double negative_slope);

/// [3, channels] f64: of the rows in training, whose running statistics it moves, else the running ones. Differentiable.
at::Tensor batch_norm_moments_of(const at::Tensor& x, const at::Tensor& running_mean, const at::Tensor& running_var, const BatchNormOptions& options);

/// batch_norm_sums by ATen operators, with derivatives.
at::Tensor batch_norm_sums_portable(const at::Tensor& x);

}  // namespace tev
