#pragma once
// Area under the ROC curve.

#include "engine/metrics/ranking_metric.hpp"

namespace tev {

/// `auc` of the signal against the rest; of several signal classes the plain mean, followed by `auc_<class>` of each.
class AucMetric final : public CurveMetric {
 public:
  std::vector<MetricValue> value(const std::vector<SignalCurve>& curves) const override;
};

}  // namespace tev
