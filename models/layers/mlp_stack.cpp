#include "models/layers/mlp_stack.hpp"

#include "base/check.hpp"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/linear.h>

namespace tev {

MlpStackImpl::MlpStackImpl(const MlpStackOptions& options, const std::string& where) : options_(options) {
  int64_t width_in = options.inputs;
  for (size_t i = 0; i < options.widths.size(); ++i) {
    const int64_t width = options.widths[i];
    TEV_CHECK_INPUT(width >= 1, where, ": layer ", i + 1, " has width ", width, " (a layer has at least one unit).");
    auto& linear = linear_.emplace_back(torch::nn::LinearOptions(width_in, width));
    init_linear(*linear, options.init, i == 0 ? LayerPlace::first : LayerPlace::hidden);
    register_module(c10::str("linear", i + 1), linear);
    if (options.batch_norm) register_module(c10::str("norm", i + 1), norm_.emplace_back(width));
    width_in = width;
  }
}

at::Tensor MlpStackImpl::forward(const at::Tensor& x_NC) {
  at::Tensor x = x_NC;
  for (size_t i = 0; i < linear_.size(); ++i) {
    x = at::linear(x, linear_[i]->weight, linear_[i]->bias);
    if (options_.batch_norm) x = normalise(x, *norm_[i]);
    x = activate(options_.activation, x);
    if (options_.dropout > 0) x = at::dropout(x, options_.dropout, is_training());
  }
  return x;
}

bool MlpStackImpl::is_plain_relu() const {
  return options_.activation == Activation::relu && !options_.batch_norm && !linear_.empty() &&
         (options_.dropout == 0 || !is_training());
}

std::vector<at::Tensor> MlpStackImpl::linear_parameters() const {
  std::vector<at::Tensor> parameters;
  for (const auto& linear : linear_) {
    parameters.push_back(linear->weight);
    parameters.push_back(linear->bias);
  }
  return parameters;
}

at::Tensor MlpStackImpl::normalise(const at::Tensor& x_NC, torch::nn::BatchNorm1dImpl& norm) const {
  const bool from_batch = is_training() && x_NC.size(0) > 1;
  return at::batch_norm(x_NC, norm.weight, norm.bias, norm.running_mean, norm.running_var, from_batch,
                        norm.options.momentum().value_or(0.1), norm.options.eps(), false);
}

}  // namespace tev
