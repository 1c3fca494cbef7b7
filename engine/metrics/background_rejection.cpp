#include "engine/metrics/background_rejection.hpp"

#include "base/check.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

namespace tev {

WorkingPoint working_point(const RocCurve& curve, double signal_efficiency) {
  // The origin selects nothing, and the last point everything: a point is found for every efficiency up to 1.
  size_t i = 1;
  while (i + 1 < curve.size() && curve.signal_efficiency[i] < signal_efficiency) ++i;
  TEV_CHECK(i < curve.size(), "working_point: the curve has no points.");
  WorkingPoint point{curve.signal_efficiency[i], {}, {}, curve.cut[i]};
  constexpr double cancelled = 1e-9;  // fewer effective events than that are rounding
  if (curve.has_background[i] && (curve.background_efficiency[i] <= 0 || curve.background_count[i] < cancelled)) {
    point.rejection = std::numeric_limits<double>::quiet_NaN();
  } else if (curve.has_background[i]) {
    point.rejection = 1 / curve.background_efficiency[i];
    point.error = *point.rejection / std::sqrt(curve.background_count[i]);
  }
  return point;
}

std::string rejection_name(double working_point) {
  char per_cent[32];
  std::snprintf(per_cent, sizeof per_cent, "%.6g", working_point * 100);
  return std::string("rejection_") + per_cent;
}

std::vector<MetricValue> BackgroundRejectionMetric::value(const std::vector<SignalCurve>& curves) const {
  std::vector<MetricValue> values;
  for (const auto& [suffix, curve] : curves) {
    for (const double efficiency : working_points_) {
      const WorkingPoint point = working_point(curve, efficiency);
      values.push_back({rejection_name(efficiency) + suffix, point.rejection, point.error, point.cut});
    }
  }
  return values;
}

}  // namespace tev
