#include "engine/objective/classification.hpp"

#include "base/check.hpp"

#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/softmax.h>

namespace tev {

Classification::Classification(int64_t classes, double label_smoothing)
    : classes_(classes), label_smoothing_(label_smoothing) {
  TEV_CHECK_INPUT(classes >= 2, "data.label.classes: ", classes,
                  " classes (classification needs at least two). Name every value of the label.");
}

at::Tensor Classification::loss_sum(const at::Tensor& logits, const at::Tensor& label, const at::Tensor& weight) const {
  TEV_CHECK(logits.dim() == 2 && logits.size(1) == classes_, "classification: logits have shape ", logits.sizes(),
            " ([B, ", classes_, "] was expected, one column a class).");
  const at::IntArrayRef events = logits.sizes().slice(0, 1);
  TEV_CHECK(label.sizes() == events && weight.sizes() == events, "classification: ", logits.size(0), " logits, labels ",
            label.sizes(), ", weights ", weight.sizes(), " (one of each for every event was expected).");
  const at::Tensor each =
      at::cross_entropy_loss(logits.to(at::kFloat), label, {}, at::Reduction::None, -100, label_smoothing_);
  return each.mul(weight).sum();
}

at::Tensor Classification::probabilities(const at::Tensor& logits) const { return at::softmax(logits, 1, at::kFloat); }

std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const DataSpec& spec) {
  TEV_CHECK_INPUT(config.name == "classification", "objective.name: '", config.name,
                  "' is not an objective (known: classification).");
  return std::make_unique<Classification>(static_cast<int64_t>(spec.classes.size()), config.label_smoothing);
}

}  // namespace tev
