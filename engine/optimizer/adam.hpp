#pragma once
// Adam and AdamW.

#include "engine/optimizer/optimizer.hpp"

namespace tev {

/// How weights are pulled towards zero.
enum class WeightDecay {
  l2,         ///< the penalty's gradient is added to the gradient (Adam)
  decoupled,  ///< p -= lr weight_decay p before the update (AdamW)
};

/// m = beta1 m + (1-beta1) g;  s = beta2 s + (1-beta2) g^2;  t += 1
/// p -= lr m/(1-beta1^t) / (sqrt(s/(1-beta2^t)) + eps)
/// @source  Kingma & Ba 2015 (arXiv:1412.6980); decoupled: Loshchilov & Hutter 2019 (arXiv:1711.05101)
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerConfig& config, NamedTensors parameters, WeightDecay decay);

 private:
  void update(Active& active, double lr, double beta1) override;

  double weight_decay_;
  double beta2_;
  double eps_;
  WeightDecay decay_;
  size_t exp_avg_;
  size_t exp_avg_sq_;
  size_t step_;
};

}  // namespace tev
