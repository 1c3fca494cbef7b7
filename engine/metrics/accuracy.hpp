#pragma once
// Weighted share of events whose most probable class is the right one.

#include "engine/metrics/metric.hpp"

namespace tev {

/// With two classes the more probable one is chosen at a score of one half.
class AccuracyMetric final : public Metric {
 public:
  void update(const MetricInput& input) override;
  void merge(const Metric& other) override;
  std::vector<MetricValue> value() const override;

 private:
  double right_ = 0, weight_ = 0;
};

}  // namespace tev
