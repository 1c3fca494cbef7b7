#include "engine/metrics/auc.hpp"

namespace tev {

std::vector<MetricValue> AucMetric::value() const {
  std::vector<MetricValue> values = {{"auc", {}, {}, {}}};
  double sum = 0;
  for (size_t s = 0; s < signals_.size(); ++s) {
    const double area = area_under(roc_curve(samples_[s], "auc of " + signals_[s].name));
    sum += area;
    if (signals_.size() > 1) values.push_back({"auc" + suffix(s), area, {}, {}});
  }
  values.front().value = sum / static_cast<double>(signals_.size());
  return values;
}

}  // namespace tev
