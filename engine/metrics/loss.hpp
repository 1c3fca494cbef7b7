#pragma once
// Weighted mean of the loss.

#include "engine/metrics/metric.hpp"

namespace tev {

/// sum of weight x loss / sum of weight.
class LossMetric final : public Metric {
 public:
  void update(const MetricInput& input) override;
  void merge(const Metric& other) override;
  std::vector<MetricValue> value() const override;

 private:
  double sum_ = 0, weight_ = 0;
};

}  // namespace tev
