#pragma once
// Batch normalisation of rows with a leaky ReLU behind it, and the parts of it that other operators and other ranks need.

#include <ATen/core/Tensor.h>

namespace tev {

/// What does not depend on the rows.
struct BatchNormOptions {
  bool training = true;         ///< statistics of these rows; else the running ones
  double momentum = 0.1;        ///< share of these rows in new running statistics
  double eps = 1e-5;            ///< above 0
  double negative_slope = 1.0;  ///< of the leaky ReLU; 1 is none, 0 a ReLU
};

/// leaky_relu((x - mean) / sqrt(variance + eps) * weight + bias), channel by channel.
///
/// Computed as x * scale + shift, scale and shift as batch_norm_scale_shift gives them: the error of an output is that of x beside the spread of
/// its channel. Statistics are sums in fp64: where x is fp32 or a half type a mean far from 0 costs the variance nothing, where it is fp64
/// what batch_norm_sums says. Always the same bits: rows are summed in order within blocks of 512, then the blocks, for any number of threads and any
/// instruction set; so are those of the gradients. Half types compute in fp32. In training running statistics follow as in torch (the unbiased variance
/// goes into running_var), without a gradient.
/// No rows: an empty output, running statistics as they were, gradients 0. One row: its variance is 0, so the output is leaky_relu(bias), and
/// running_var stays, since one row has no unbiased variance. Derivatives of every order exist; those above the first are compositions of ATen operators.
/// Under PortableGuard it is one as well, for tracing: the numbers agree within rounding.
/// @param x             [N, channels] f16|bf16|f32|f64, CPU or CUDA, any strides
/// @param weight, bias  [channels], dtype of x, or f32 where x is a half type; undefined: 1 and 0
/// @param running_mean, running_var  [channels] f32|f64, written in training; undefined both: none, for training only
/// @return              [N, channels], dtype and device of x
/// @throws              tev::Error on wrong shapes, dtypes, devices, options, at once
/// @stream              current stream; does not synchronise
/// @source              Ioffe and Szegedy 2015 (arXiv:1502.03167)
at::Tensor batch_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
                      const at::Tensor& running_var, const BatchNormOptions& options);

/// Rows, their sum and the sum of their squares, about 0: sums of two ranks add up to those of both.
/// Squares of fp32 are exact in fp64; a variance keeps 16 - 2 log10(mean / deviation) digits. Derivatives of every order exist.
/// @return  [3, channels] f64
at::Tensor batch_norm_sums(const at::Tensor& x);

/// @param sums  of all ranks
/// @return      [3, channels] f64: rows, mean, biased variance
at::Tensor batch_norm_moments(const at::Tensor& sums);

/// Moves running statistics towards the moments of a batch, in place. Any may be undefined.
void update_running_statistics(const at::Tensor& running_mean, const at::Tensor& running_var, const at::Tensor& moments, double momentum);

/// What normalises the rows of a batch: x * scale + shift.
struct ScaleShift {
  at::Tensor scale, shift;  ///< [channels], as wide as values of `type` are computed with
};

/// @param moments       [3, channels] f64; of running statistics their mean and variance
/// @param weight, bias  [channels], or undefined
/// @param type          of the rows
ScaleShift batch_norm_scale_shift(const at::Tensor& moments, const at::Tensor& weight, const at::Tensor& bias, double eps, at::ScalarType type);

/// What batch_norm does to x before its leaky ReLU, for a convolution to do (ConvolutionFusion). Differentiable. Arguments as batch_norm.
ScaleShift batch_norm_affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
                             const at::Tensor& running_var, const BatchNormOptions& options);

/// leaky_relu(x * scale + shift). Without derivatives; of checked arguments.
at::Tensor batch_norm_apply(const at::Tensor& x, const ScaleShift& affine, double negative_slope);

/// The gradient of what is normalised, g, is grad through the leaky ReLU. Its sum and the sum of g * x: again to be added up over ranks.
/// @return  [2, channels] f64
at::Tensor batch_norm_backward_sums(const at::Tensor& grad, const at::Tensor& x, const ScaleShift& affine, double negative_slope);

/// The gradients of a batch by its moments and the sums of its gradients, both of all ranks.
struct BatchNormGradients {
  at::Tensor x;             ///< [N, channels], dtype of x
  at::Tensor weight, bias;  ///< [channels] f64
};
BatchNormGradients batch_norm_gradients(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& moments, const at::Tensor& backward_sums,
                                        const ScaleShift& affine, const BatchNormOptions& options);

/// The portable form itself, differentiable; arguments as batch_norm, which chooses it under PortableGuard.
at::Tensor batch_norm_portable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
                               const at::Tensor& running_var, const BatchNormOptions& options);

}  // namespace tev
