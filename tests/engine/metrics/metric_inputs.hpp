#pragma once
// Events for the tests of metrics.

#include "engine/metrics/ranking_metric.hpp"

#include <ATen/Functions.h>

#include <string>
#include <vector>

namespace tev {

/// A batch of two classes from the scores of the last one.
inline MetricInput binary_input(const std::vector<double>& score, const std::vector<int64_t>& label,
                                std::vector<double> weight = {}) {
  if (weight.empty()) weight.assign(score.size(), 1);
  const at::Tensor signal = at::tensor(score, at::kDouble);
  return {at::stack({signal.neg().add(1), signal}, 1), at::tensor(label, at::kLong), at::tensor(weight, at::kDouble),
          0};
}

/// A number of the ROC curve, alone.
template <class CurveMetricType, class... Options>
RankingMetric alone(std::vector<SignalClass> signals, Options... options) {
  RankingMetric ranking(std::move(signals));
  ranking.add(std::make_unique<CurveMetricType>(options...));
  return ranking;
}

/// The value of a name; fails the lookup with an exception.
inline const MetricValue& named(const std::vector<MetricValue>& values, const std::string& name) {
  for (const auto& value : values)
    if (value.name == name) return value;
  throw std::out_of_range("no metric " + name);
}

}  // namespace tev
