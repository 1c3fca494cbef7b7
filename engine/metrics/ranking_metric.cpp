#include "engine/metrics/ranking_metric.hpp"

namespace tev {

void RankingMetric::update(const MetricInput& input) {
  const at::Tensor probabilities = input.probabilities.to(at::kDouble).contiguous();
  const at::Tensor weight = input.weight.to(at::kDouble).contiguous();
  const at::Tensor label = input.label.contiguous();
  const double* p = probabilities.const_data_ptr<double>();
  const double* w = weight.const_data_ptr<double>();
  const int64_t* l = label.const_data_ptr<int64_t>();
  const int64_t classes = probabilities.size(1);
  for (size_t s = 0; s < signals_.size(); ++s) {
    const int64_t signal = signals_[s].index;
    for (int64_t i = 0; i < label.numel(); ++i) samples_[s].add(p[i * classes + signal], w[i], l[i] == signal);
  }
}

void RankingMetric::merge(const Metric& other) {
  const auto& ranking = dynamic_cast<const RankingMetric&>(other);
  for (size_t s = 0; s < samples_.size(); ++s) samples_[s].add(ranking.samples_[s]);
}

std::vector<MetricValue> RankingMetric::value() const {
  std::vector<SignalCurve> curves;
  for (size_t s = 0; s < signals_.size(); ++s) {
    const std::string& name = signals_[s].name;
    curves.push_back({signals_.size() == 1 ? "" : "_" + name, roc_curve(samples_[s], "ROC curve of " + name)});
  }
  std::vector<MetricValue> values;
  for (const auto& metric : metrics_)
    for (auto& value : metric->value(curves)) values.push_back(std::move(value));
  return values;
}

}  // namespace tev
