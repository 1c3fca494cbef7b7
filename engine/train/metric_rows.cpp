#include "engine/train/metric_rows.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace tev {
namespace {

std::string value_text(const MetricValue& metric, int digits) {
  if (!metric.value) return "inf";
  return std::isnan(*metric.value) ? "undefined" : fmt::format("{:.{}g}", *metric.value, digits);
}

}  // namespace

nlohmann::ordered_json metrics_row(const std::string& kind, int64_t epoch, int64_t step, const std::vector<MetricValue>& values) {
  nlohmann::ordered_json row{{"kind", kind}, {"epoch", epoch}, {"step", step}};
  for (const auto& metric : values) {
    row[metric.name] = metric.value && std::isfinite(*metric.value) ? nlohmann::ordered_json(*metric.value) : nullptr;
    if (metric.error) row[metric.name + "_error"] = *metric.error;
    if (metric.cut) row[metric.name + "_cut"] = *metric.cut;
  }
  return row;
}

std::string metrics_text(const std::vector<MetricValue>& values) {
  std::string text;
  for (const auto& metric : values) {
    if (metric.is_detail) continue;
    if (!text.empty()) text += ", ";
    text += metric.name + " " + value_text(metric, 4);
  }
  return text;
}

std::string metrics_table(const std::vector<MetricValue>& values) {
  std::string text;
  for (const auto& metric : values) {
    text += fmt::format("  {:<24} {:>10}", metric.name, value_text(metric, 5));
    if (metric.error) text += fmt::format(" +- {:.2g}", *metric.error);
    if (metric.cut) text += fmt::format("   (score >= {:.6g})", *metric.cut);
    text += "\n";
  }
  return text;
}

const MetricValue& find_metric(const std::vector<MetricValue>& values, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& metric : values) {
    if (metric.name == name) return metric;
    names.push_back(metric.name);
  }
  throw InputError(c10::str("train.monitor: there is no metric '", name, "' (metrics: ", join_names(names), ").",
                            suggest_name(name, names), " Choose one of them."));
}

}  // namespace tev
