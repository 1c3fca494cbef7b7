#pragma once
// Which validation was the best, and whether it is time to stop.

#include <cmath>
#include <cstdint>
#include <optional>

namespace tev {

enum class Better { lower, higher };

/// State of the monitored metric. A value that is not better for `patience` validations in a row ends the training (0: never).
struct EarlyStopping {
  Better better = Better::lower;
  int64_t patience = 0;
  std::optional<double> best_value;
  int64_t validations_without_improvement = 0;

  /// Takes the value of a validation; true if it is the best so far.
  bool update(double value) {
    const bool improved = !std::isnan(value) && (!best_value || (better == Better::lower ? value < *best_value : value > *best_value));
    if (improved) best_value = value;
    validations_without_improvement = improved ? 0 : validations_without_improvement + 1;
    return improved;
  }
  /// Whether there was a validation.
  bool has_begun() const { return best_value || validations_without_improvement > 0; }
  bool should_stop() const { return patience > 0 && validations_without_improvement >= patience; }
};

}  // namespace tev
