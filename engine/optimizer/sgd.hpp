#pragma once
// Stochastic gradient descent with momentum.

#include "engine/optimizer/optimizer.hpp"

namespace tev {

/// g += weight_decay p;  v = momentum v + g;  p -= lr v   (Nesterov: p -= lr (g + momentum v)).
/// Without momentum v = g and there is no state.
/// @source  Sutskever et al. 2013, in the form of torch.optim.SGD with dampening 0
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerConfig& config, NamedTensors parameters);

 private:
  void update(Active& active, double lr, double momentum) override;

  double weight_decay_;
  bool nesterov_;
  bool has_momentum_;
};

}  // namespace tev
