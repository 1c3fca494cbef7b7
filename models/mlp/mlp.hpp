#pragma once
// Fully connected network of the features of events, or of rows.

#include "models/layers/mlp_stack.hpp"
#include "models/model.hpp"

namespace tev {

struct MlpOptions : ModelOptions {
  std::vector<int64_t> widths = {100, 100, 100};
  std::string activation = "relu";
  double dropout = 0;
  bool batch_norm = false;
  std::string init = "he_uniform";

  void declare(Fields& fields) override;
};

/// Fully connected network of the features of `event`, of any depth; where the rows of an object have classes, of those of each row.
///
/// widths [300, 300, 300, 300, 300], activation tanh, init baldi_normal is the network of the HIGGS benchmark.
/// @source Baldi, Sadowski, Whiteson 2014 (arXiv:1402.4735), methods
class MlpImpl : public Model {
 public:
  /// @throws InputError when the data have no such features
  MlpImpl(const MlpOptions& options, const DataSpec& spec);

  at::Tensor forward(const Columns& inputs) override;

 private:
  ObjectSpec object_;
  MlpStack stack_;
  torch::nn::Linear output_;
};
TORCH_MODULE(Mlp);

}  // namespace tev
