#include "engine/metrics/accuracy.hpp"

#include "base/check.hpp"

namespace tev {

void AccuracyMetric::update(const MetricInput& input) {
  if (input.label.numel() == 0) return;
  const at::Tensor weight = input.weight.to(at::kDouble);
  const at::Tensor right = input.probabilities.argmax(1).eq(input.label).to(at::kDouble);
  right_ += right.mul(weight).sum().item<double>();
  weight_ += weight.sum().item<double>();
}

void AccuracyMetric::merge(const Metric& other) {
  const auto& accuracy = dynamic_cast<const AccuracyMetric&>(other);
  right_ += accuracy.right_;
  weight_ += accuracy.weight_;
}

std::vector<MetricValue> AccuracyMetric::value() const {
  TEV_CHECK_INPUT(weight_ > 0, "accuracy: the weights of the events add up to ", weight_,
                  " (a positive total is needed). Check the selection and the weights.");
  return {{"accuracy", right_ / weight_, {}, {}}};
}

}  // namespace tev
