#pragma once
// Fully connected layers, each with its activation: Phi and F of the set networks, the body of the mlp.

#include "models/layers/activation.hpp"
#include "models/layers/weight_init.hpp"

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

namespace tev {

struct MlpStackOptions {
  int64_t inputs = 0;
  std::vector<int64_t> widths;  ///< of every layer; none: the stack is the identity
  Activation activation = Activation::relu;
  double dropout = 0;
  bool batch_norm = false;
  WeightInit init = WeightInit::he_uniform;
};

/// linear [-> batch norm] -> activation [-> dropout], once for each width.
///
/// Batch norm of a training batch with fewer than two rows uses the running statistics and leaves them alone: the last
/// batch of an epoch may hold a single event, whose variance says nothing.
class MlpStackImpl : public torch::nn::Module {
 public:
  /// @param where  configuration key of the widths, for messages
  /// @throws       InputError for a width below 1
  MlpStackImpl(const MlpStackOptions& options, const std::string& where);

  /// @param x_NC  [N, inputs]
  /// @return      [N, outputs()]
  at::Tensor forward(const at::Tensor& x_NC);

  int64_t outputs() const { return options_.widths.empty() ? options_.inputs : options_.widths.back(); }
  /// Whether the stack is nothing but linear and ReLU layers in the present mode (training or evaluation).
  bool is_plain_relu() const;
  /// weight, bias, weight, bias, ... of the linear layers.
  std::vector<at::Tensor> linear_parameters() const;

 private:
  at::Tensor normalise(const at::Tensor& x_NC, torch::nn::BatchNorm1dImpl& norm) const;

  MlpStackOptions options_;
  std::vector<torch::nn::Linear> linear_;
  std::vector<torch::nn::BatchNorm1d> norm_;
};
TORCH_MODULE(MlpStack);

}  // namespace tev
