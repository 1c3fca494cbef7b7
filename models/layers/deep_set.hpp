#pragma once
// Deep Sets: a network of each row, a sum over the rows of an event, a network of the sum.

#include "models/layers/mlp_stack.hpp"
#include "models/model.hpp"

namespace tev {

/// Keys shared by the set networks.
struct DeepSetOptions : ModelOptions {
  std::vector<int64_t> phi = {100, 100, 256};
  std::vector<int64_t> f = {100, 100, 100};
  std::string activation = "relu";
  double latent_dropout = 0;
  double f_dropout = 0;
  std::string object;
  bool use_event = false;

  void declare(Fields& fields) override;
};

/// logits = output(F([sum_{n in event} z_n Phi(x_n), event features]))
///
/// Hidden layers start He-uniform, the output layer Glorot-uniform, biases at zero, as in the authors' EnergyFlow.
/// @source Zaheer et al. 2017 (arXiv:1703.06114); Komiske, Metodiev, Thaler 2019 (arXiv:1810.05165)
class DeepSetImpl : public torch::nn::Module {
 public:
  /// @param row_width    features that Phi reads
  /// @param event_width  event features joined to the sum; 0 for none
  /// @param classes      logits
  DeepSetImpl(const DeepSetOptions& options, int64_t row_width, int64_t event_width, int64_t classes);

  /// @param rows_NC   [N, row_width]
  /// @param offsets   [B+1] int64
  /// @param z_N       [N] weight of each row in the sum; undefined: 1
  /// @param event_BC  [B, event_width]; undefined when that is 0
  /// @return          logits [B, classes]; an event without rows has the sum 0
  at::Tensor forward(const at::Tensor& rows_NC, const at::Tensor& offsets, const at::Tensor& z_N,
                     const at::Tensor& event_BC);

 private:
  at::Tensor latent(const at::Tensor& rows_NC, const at::Tensor& offsets, const at::Tensor& z_N);

  double latent_dropout_;
  MlpStack phi_, f_;
  torch::nn::Linear output_;
};
TORCH_MODULE(DeepSet);

}  // namespace tev
