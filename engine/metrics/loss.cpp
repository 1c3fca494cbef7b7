#include "engine/metrics/loss.hpp"

#include "base/check.hpp"

namespace tev {

void LossMetric::update(const MetricInput& input) {
  sum_ += input.loss_sum;
  weight_ += input.weight.sum(at::kDouble).item<double>();
}

void LossMetric::merge(const Metric& other) {
  const auto& loss = dynamic_cast<const LossMetric&>(other);
  sum_ += loss.sum_;
  weight_ += loss.weight_;
}

std::vector<MetricValue> LossMetric::value() const {
  TEV_CHECK_INPUT(weight_ > 0, "loss: the weights of the events add up to ", weight_,
                  " (a positive total is needed). Check the selection and the weights.");
  return {{"loss", sum_ / weight_, {}, {}}};
}

}  // namespace tev
