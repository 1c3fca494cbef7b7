#pragma once
// The metrics of a run.

#include "base/config_fields.hpp"
#include "base/data_spec.hpp"
#include "engine/metrics/metric.hpp"
#include "engine/metrics/ranking_metric.hpp"

#include <memory>

namespace tev {

/// The section `metrics`.
struct MetricsConfig {
  std::vector<double> working_points = {0.3, 0.5};
  std::string signal;

  void declare(Fields& fields) {
    fields.add("working_points", working_points, "Signal efficiencies at which background rejection is given")
        .above(0).at_most(1);
    fields.add("signal", signal,
               "Class against which all others are background; empty: the last of two classes, or each "
               "of more in turn");
  }
};

/// The signal classes that a configuration means.
/// @throws InputError  when metrics.signal is not one of the classes
std::vector<SignalClass> signal_classes(const MetricsConfig& config, const DataSpec& spec);

/// The metrics that need no more than an order of the events: auc, rejection at the working points.
/// @throws InputError  for a signal or working point that cannot be
std::unique_ptr<RankingMetric> ranking_metric(const MetricsConfig& config, const DataSpec& spec);

/// Every metric, under one roof: loss, accuracy, and of events auc and rejection at the working points, of labelled rows what their confusion
/// matrix says.
class MetricSet {
 public:
  /// @throws InputError  for a signal or working point that cannot be
  MetricSet(const MetricsConfig& config, const DataSpec& spec);

  /// @throws Error when shapes do not fit together or a score is not finite
  void update(const MetricInput& input);
  void merge(const MetricSet& other);
  /// All values, in the order above.
  /// @param events  the key or file that the events came from, for the message
  /// @throws InputError  as Metric::value
  std::vector<MetricValue> values(const std::string& events) const;

 private:
  int64_t classes_;
  std::vector<std::unique_ptr<Metric>> metrics_;
};

}  // namespace tev
