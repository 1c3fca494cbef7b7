#pragma once
// What was taken for what: intersection over union, efficiency and purity of every class.

#include "engine/metrics/metric.hpp"

namespace tev {

/// A weighted confusion matrix of the most probable classes.
///
/// Of a class, with T the weight of what is of it, P of what was taken for it and I of both: iou = I / (T + P - I), efficiency = I / T (recall),
/// purity = I / P (precision). mean_iou is over the classes that are there or were found. What would divide by zero is undefined (NaN).
/// @source Everingham et al. 2015, The PASCAL Visual Object Classes Challenge: A Retrospective, section 3 (intersection over union)
class ConfusionMetric final : public Metric {
 public:
  explicit ConfusionMetric(std::vector<std::string> classes);

  void update(const MetricInput& input) override;
  void merge(const Metric& other) override;
  std::vector<MetricValue> value() const override;

 private:
  double weight(size_t truth, size_t found) const { return matrix_[truth * classes_.size() + found]; }

  std::vector<std::string> classes_;
  std::vector<double> matrix_;  ///< [true class][found class]
};

}  // namespace tev
