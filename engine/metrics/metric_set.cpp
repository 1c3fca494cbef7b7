#include "engine/metrics/metric_set.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "engine/metrics/accuracy.hpp"
#include "engine/metrics/auc.hpp"
#include "engine/metrics/background_rejection.hpp"
#include "engine/metrics/confusion.hpp"
#include "engine/metrics/loss.hpp"

namespace tev {

std::vector<SignalClass> signal_classes(const MetricsConfig& config, const DataSpec& spec) {
  std::vector<SignalClass> all;
  for (const auto& name : spec.classes) all.push_back({static_cast<int64_t>(all.size()), name});
  if (config.signal.empty()) return all.size() == 2 ? std::vector<SignalClass>{all.back()} : all;
  for (const auto& candidate : all)
    if (candidate.name == config.signal) return {candidate};
  throw InputError(c10::str("metrics.signal: '", config.signal, "' is not a class (data.label.classes: ",
                            join_names(spec.classes), ").", suggest_name(config.signal, spec.classes)));
}

std::unique_ptr<RankingMetric> ranking_metric(const MetricsConfig& config, const DataSpec& spec) {
  for (const double efficiency : config.working_points)
    TEV_CHECK_INPUT(efficiency > 0 && efficiency <= 1, "metrics.working_points: ", efficiency,
                    " is not a signal efficiency (above 0, at most 1).");
  auto ranking = std::make_unique<RankingMetric>(signal_classes(config, spec));
  ranking->add(std::make_unique<AucMetric>());
  ranking->add(std::make_unique<BackgroundRejectionMetric>(config.working_points));
  return ranking;
}

MetricSet::MetricSet(const MetricsConfig& config, const DataSpec& spec) : classes_(spec.classes.size()) {
  metrics_.push_back(std::make_unique<LossMetric>());
  metrics_.push_back(std::make_unique<AccuracyMetric>());
  if (spec.label_object.empty()) metrics_.push_back(ranking_metric(config, spec));
  else metrics_.push_back(std::make_unique<ConfusionMetric>(spec.classes));
}

void MetricSet::update(const MetricInput& input) {
  const int64_t labels = input.label.numel();
  TEV_CHECK(input.label.dim() == 1 && input.weight.sizes() == input.label.sizes() && input.probabilities.dim() == 2 &&
                input.probabilities.size(0) == labels && input.probabilities.size(1) == classes_,
            "metrics: probabilities ", input.probabilities.sizes(), ", labels ", input.label.sizes(), ", weights ",
            input.weight.sizes(), " ([R, ", classes_, "], [R] and [R] were expected).");
  for (auto& metric : metrics_) metric->update(input);
}

void MetricSet::merge(const MetricSet& other) {
  TEV_CHECK(metrics_.size() == other.metrics_.size(), "metrics: two sets of different metrics cannot be merged.");
  for (size_t i = 0; i < metrics_.size(); ++i) metrics_[i]->merge(*other.metrics_[i]);
}

std::vector<MetricValue> MetricSet::values(const std::string& events) const {
  std::vector<MetricValue> values;
  try {
    for (const auto& metric : metrics_)
      for (auto& value : metric->value()) values.push_back(std::move(value));
  } catch (const InputError& error) {
    throw InputError(events + ": " + error.what());
  }
  return values;
}

}  // namespace tev
