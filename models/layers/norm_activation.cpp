#include "models/layers/norm_activation.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

namespace tev {
namespace {

constexpr double kEps = 1e-4;  // of SPINE's networks

}  // namespace

NormActivationImpl::NormActivationImpl(int64_t channels, double momentum, double leak) : momentum_(momentum), leak_(leak) {
  weight_ = register_parameter("weight", at::ones({channels}));
  bias_ = register_parameter("bias", at::zeros({channels}));
  running_mean_ = register_buffer("running_mean", at::zeros({channels}));
  running_var_ = register_buffer("running_var", at::ones({channels}));
}

at::Tensor NormActivationImpl::forward(const at::Tensor& x_NC) {
  return batch_norm(x_NC, weight_, bias_, running_mean_, running_var_, {is_training(), momentum_, kEps, leak_});
}

ConvolutionFusion NormActivationImpl::fusion(const at::Tensor& x_NC) {
  const auto [scale, shift] = batch_norm_affine(x_NC, weight_, bias_, running_mean_, running_var_, {is_training(), momentum_, kEps, leak_});
  return {scale, shift, leak_, {}};
}

}  // namespace tev
