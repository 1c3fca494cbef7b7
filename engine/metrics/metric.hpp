#pragma once
// What every metric is: update with batches, merge what others saw, value.

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

namespace tev {

/// One evaluated batch, on the CPU: events, or the labelled rows of events.
struct MetricInput {
  at::Tensor probabilities;  ///< [R, classes]
  at::Tensor label;          ///< [R] int64
  at::Tensor weight;         ///< [R]
  double loss_sum = 0;       ///< sum of weight x loss of these (Objective::loss_sum)
};

/// One number of the result. Without a value it is infinite: no background event is left above the cut. A value that is NaN
/// is undefined: weights of both signs leave nothing or less of the background there.
struct MetricValue {
  std::string name;
  std::optional<double> value;
  std::optional<double> error;  ///< statistical, one standard deviation
  std::optional<double> cut;    ///< on the probability of the signal: score >= cut is selected
  bool is_detail = false;       ///< left out where all are named in one line
};

/// Values depend on the events alone, not on the batches or ranks among which they were divided (sums up to rounding,
/// ranking metrics to the last bit).
class Metric {
 public:
  virtual ~Metric() = default;
  virtual void update(const MetricInput& input) = 0;
  /// Adds what another metric of the same type and options has seen.
  virtual void merge(const Metric& other) = 0;
  /// @throws InputError when the weights of the events, or of a class, do not add up to more than zero
  virtual std::vector<MetricValue> value() const = 0;
};

}  // namespace tev
