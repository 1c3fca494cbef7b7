#pragma once
// What metrics of the order of scores share: one scored sample for each signal class.

#include "engine/metrics/metric.hpp"
#include "engine/metrics/roc_curve.hpp"

namespace tev {

/// A class taken as signal against all the others.
struct SignalClass {
  int64_t index = 0;
  std::string name;
};

class RankingMetric : public Metric {
 public:
  explicit RankingMetric(std::vector<SignalClass> signals) : signals_(std::move(signals)), samples_(signals_.size()) {}

  void update(const MetricInput& input) override;
  void merge(const Metric& other) override;

 protected:
  /// "", or "_<class>" where several classes are the signal in turn.
  std::string suffix(size_t i) const { return signals_.size() == 1 ? "" : "_" + signals_[i].name; }

  std::vector<SignalClass> signals_;
  std::vector<ScoredSample> samples_;
};

}  // namespace tev
