#include "engine/train/input_histograms.hpp"

#include "engine/checkpoint/durable_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace tev {
namespace {

constexpr int64_t kBins = 50;
constexpr int64_t kEvents = 20'000;
constexpr int64_t kBatch = 250;
constexpr double kScales = 5;

/// Weighted counts of a feature between two of its standardised values.
struct Histogram {
  double low = -kScales, high = kScales;
  std::vector<std::vector<double>> counts;  ///< [class][bin]
};

/// Adds one standardised row of an object.
void add_row(const float* row, std::vector<Histogram>& features, int64_t label, float weight) {
  for (auto& feature : features) {
    const double bin = std::floor((static_cast<double>(*row++) - feature.low) / (feature.high - feature.low) * kBins);
    if (bin >= 0 && bin < kBins) feature.counts[label][static_cast<int64_t>(bin)] += weight;
  }
}

/// @param has_labels  whether the labels are those of the rows of this column
void add_column(const Column& column, const Batch& batch, bool has_labels, std::vector<Histogram>& features) {
  const auto* values = column.values.const_data_ptr<float>();
  const auto* label = batch.label.const_data_ptr<int64_t>();
  const auto* weight = batch.weight.const_data_ptr<float>();
  const auto* offsets = column.ragged() ? column.offsets.const_data_ptr<int64_t>() : nullptr;
  const int64_t width = column.values.size(1);
  if (batch.label_offsets.defined()) {  // rows of other objects have no class
    for (int64_t row = 0; has_labels && row < batch.label.numel(); ++row) add_row(values + row * width, features, label[row], weight[row]);
    return;
  }
  for (int64_t event = 0; event < batch.size(); ++event) {
    const int64_t first = offsets ? offsets[event] : event;
    const int64_t last = offsets ? offsets[event + 1] : event + 1;
    for (int64_t row = first; row < last; ++row) add_row(values + row * width, features, label[event], weight[event]);
  }
}

}  // namespace

void write_input_histograms(const std::filesystem::path& path, DataSession& data, const TrainingSummary& summary) {
  const auto& spec = data.spec();
  std::map<std::string, std::vector<Histogram>> histograms;
  for (const auto& feature : summary.standardisation.features) {
    Histogram histogram;
    histogram.counts.assign(spec.classes.size(), std::vector<double>(kBins, 0.0));
    const auto& raw = spec.find(feature.object)->raw_features;
    if (std::find(raw.begin(), raw.end(), feature.feature) != raw.end()) {  // what is not standardised may lie anywhere
      histogram.low = feature.minimum;
      histogram.high = feature.maximum > feature.minimum ? std::nextafter(feature.maximum, INFINITY) : feature.minimum + 1;
    }
    histograms[feature.object].push_back(std::move(histogram));
  }
  const auto stream = data.training_stream(data.start_cursor(kBatch), 1);
  for (int64_t seen = 0; seen < kEvents; seen += kBatch) {
    const auto batch = stream->next();
    if (!batch) break;
    for (const auto& [name, column] : batch->inputs) add_column(column, *batch, name == spec.label_object, histograms.at(name));
  }
  nlohmann::json features = nlohmann::json::array();
  std::map<std::string, size_t> next;
  for (const auto& feature : summary.standardisation.features) {
    const Histogram& histogram = histograms.at(feature.object)[next[feature.object]++];
    features.push_back({{"object", feature.object},
                        {"name", feature.feature},
                        {"low", feature.mean + histogram.low * feature.scale},
                        {"high", feature.mean + histogram.high * feature.scale},
                        {"counts", histogram.counts}});
  }
  replace_file(path, nlohmann::json{{"classes", spec.classes}, {"features", features}}.dump());
}

}  // namespace tev
