#pragma once
// Metrics of the order of scores: one scored sample and one ROC curve for each signal class, from which numbers are read off.

#include "engine/metrics/metric.hpp"
#include "engine/metrics/roc_curve.hpp"

#include <memory>

namespace tev {

/// A class taken as signal against all the others.
struct SignalClass {
  int64_t index = 0;
  std::string name;
};

/// The curve of a signal class.
struct SignalCurve {
  std::string suffix;  ///< of metric names: "", or "_<class>" where several classes are the signal in turn
  RocCurve curve;
};

/// Numbers that are read off the curves, at least one.
class CurveMetric {
 public:
  virtual ~CurveMetric() = default;
  virtual std::vector<MetricValue> value(const std::vector<SignalCurve>& curves) const = 0;
};

/// Keeps score, weight and class of every event (24 bytes a signal class), once for all numbers of the curves.
class RankingMetric final : public Metric {
 public:
  explicit RankingMetric(std::vector<SignalClass> signals) : signals_(std::move(signals)), samples_(signals_.size()) {}

  /// Values come in the order of the calls.
  void add(std::unique_ptr<CurveMetric> metric) { metrics_.push_back(std::move(metric)); }

  /// @throws Error for a score or weight that is not finite
  void update(const MetricInput& input) override;
  void merge(const Metric& other) override;
  std::vector<MetricValue> value() const override;

 private:
  std::vector<SignalClass> signals_;
  std::vector<ScoredSample> samples_;
  std::vector<std::unique_ptr<CurveMetric>> metrics_;
};

}  // namespace tev
