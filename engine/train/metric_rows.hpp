#pragma once
// Metric values as lines of metrics.jsonl and as text.

#include "engine/metrics/metric.hpp"

#include <nlohmann/json_fwd.hpp>

namespace tev {

/// An infinite or undefined value is null.
/// {"kind": ..., "epoch": ..., "step": ..., "auc": ..., "rejection_30": ..., "rejection_30_error": ..., ..._cut}.
nlohmann::ordered_json metrics_row(const std::string& kind, int64_t epoch, int64_t step, const std::vector<MetricValue>& values);

/// "loss 0.2134, accuracy 0.9131, auc 0.9712".
std::string metrics_text(const std::vector<MetricValue>& values);

/// One line a metric: name, value, error, cut.
std::string metrics_table(const std::vector<MetricValue>& values);

/// @throws InputError  listing the names that there are
const MetricValue& find_metric(const std::vector<MetricValue>& values, const std::string& name);

}  // namespace tev
