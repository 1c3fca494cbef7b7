#pragma once
// Weighted classification, binary and multi-class.

#include "engine/objective/objective.hpp"

namespace tev {

/// Softmax cross entropy: -w log p_label. Two classes have two logits, so that every number of classes is one case.
class Classification final : public Objective {
 public:
  explicit Classification(int64_t classes, double label_smoothing = 0);

  /// @throws Error when the shapes do not fit together
  at::Tensor loss_sum(const at::Tensor& logits, const at::Tensor& label, const at::Tensor& weight) const override;
  at::Tensor probabilities(const at::Tensor& logits) const override;

 private:
  int64_t classes_;
  double label_smoothing_;
};

}  // namespace tev
