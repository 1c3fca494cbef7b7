#pragma once
// Batch normalisation of rows and a leaky ReLU: what goes before a convolution in a pre-activation network.

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace tev {

/// leaky_relu(weight * (x - mean) / sqrt(variance + eps) + bias), channel by channel, with the mean and variance of the rows of the batch in training
/// and running ones in evaluation (kernels/batch_norm).
/// @source Ioffe, Szegedy 2015 (arXiv:1502.03167); He et al. 2016 (arXiv:1603.05027)
class NormActivationImpl : public torch::nn::Module {
 public:
  /// @param momentum  share of a batch in the running statistics
  NormActivationImpl(int64_t channels, double momentum, double leak);

  /// @param x_NC  [N, channels]
  at::Tensor forward(const at::Tensor& x_NC);
  /// The same for a convolution of x to do on its way.
  ConvolutionFusion fusion(const at::Tensor& x_NC);

 private:
  double momentum_, leak_;
  at::Tensor weight_, bias_, running_mean_, running_var_;
};
TORCH_MODULE(NormActivation);

}  // namespace tev
