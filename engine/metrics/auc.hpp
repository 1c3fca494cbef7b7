#pragma once
// Area under the ROC curve.

#include "engine/metrics/ranking_metric.hpp"

namespace tev {

/// `auc` of the signal against the rest; of several signal classes the plain mean, followed by `auc_<class>` of each.
class AucMetric final : public RankingMetric {
 public:
  using RankingMetric::RankingMetric;
  std::vector<MetricValue> value() const override;
};

}  // namespace tev
