#include "engine/metrics/auc.hpp"

namespace tev {

std::vector<MetricValue> AucMetric::value(const std::vector<SignalCurve>& curves) const {
  std::vector<MetricValue> values = {{"auc", {}, {}, {}}};
  double sum = 0;
  for (const auto& [suffix, curve] : curves) {
    const double area = area_under(curve);
    sum += area;
    if (curves.size() > 1) values.push_back({"auc" + suffix, area, {}, {}});
  }
  values.front().value = sum / static_cast<double>(curves.size());
  return values;
}

}  // namespace tev
