#include "engine/train/input_histograms.hpp"

#include "engine/checkpoint/durable_file.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace tev {
namespace {

constexpr int64_t kBins = 50;
constexpr int64_t kEvents = 20'000;
constexpr int64_t kBatch = 250;
constexpr double kScales = 5;

/// Weighted counts of one object: [feature][class][bin].
using Counts = std::vector<std::vector<std::vector<double>>>;

/// Adds one standardised row.
void add_row(const float* row, Counts& counts, int64_t label, float weight) {
  for (auto& by_class : counts) {
    const double bin = std::floor((static_cast<double>(*row++) + kScales) / (2 * kScales) * kBins);
    if (bin >= 0 && bin < kBins) by_class[label][static_cast<int64_t>(bin)] += weight;
  }
}

void add_column(const Column& column, const Batch& batch, Counts& counts) {
  const auto* values = column.values.const_data_ptr<float>();
  const auto* label = batch.label.const_data_ptr<int64_t>();
  const auto* weight = batch.weight.const_data_ptr<float>();
  const auto* offsets = column.ragged() ? column.offsets.const_data_ptr<int64_t>() : nullptr;
  const int64_t width = column.values.size(1);
  if (batch.label_offsets.defined()) {  // rows have classes: those of other objects have none
    if (column.ragged() && column.offsets.equal(batch.label_offsets))
      for (int64_t row = 0; row < batch.label.numel(); ++row) add_row(values + row * width, counts, label[row], weight[row]);
    return;
  }
  for (int64_t event = 0; event < batch.size(); ++event) {
    const int64_t first = offsets ? offsets[event] : event;
    const int64_t last = offsets ? offsets[event + 1] : event + 1;
    for (int64_t row = first; row < last; ++row) add_row(values + row * width, counts, label[event], weight[event]);
  }
}

}  // namespace

void write_input_histograms(const std::filesystem::path& path, DataSession& data, const TrainingSummary& summary) {
  const auto& spec = data.spec();
  std::map<std::string, Counts> counts;
  for (const auto& object : spec.objects)
    counts[object.name].assign(object.features.size(), {spec.classes.size(), std::vector<double>(kBins, 0.0)});
  const auto stream = data.training_stream(data.start_cursor(kBatch), 1);
  for (int64_t seen = 0; seen < kEvents; seen += kBatch) {
    const auto batch = stream->next();
    if (!batch) break;
    for (const auto& [name, column] : batch->inputs) add_column(column, *batch, counts.at(name));
  }
  nlohmann::json features = nlohmann::json::array();
  std::map<std::string, size_t> next;
  for (const auto& feature : summary.standardisation.features)
    features.push_back({{"object", feature.object},
                        {"name", feature.feature},
                        {"low", feature.mean - kScales * feature.scale},
                        {"high", feature.mean + kScales * feature.scale},
                        {"counts", counts.at(feature.object)[next[feature.object]++]}});
  replace_file(path, nlohmann::json{{"classes", spec.classes}, {"features", features}}.dump());
}

}  // namespace tev
