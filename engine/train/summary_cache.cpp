#include "engine/train/summary_cache.hpp"

#include "base/cache_directory.hpp"
#include "base/check.hpp"
#include "data/transform/prelude.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/config/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <algorithm>

namespace tev {
namespace {

using nlohmann::json;

constexpr int kVersion = 3;

std::filesystem::path cache_file(const DataSession& data, DataConfig config, int64_t seed) {
  config.shuffle_rows = 0;  // the order of the events does not enter
  std::string text = fmt::format("{} {}\n", kVersion, data.fingerprint(Split::train)) + prelude_source;
  if (!config.files.empty()) text += fmt::format("seed {}\n", seed);  // chooses the events of the split
  for (const auto& key : flatten(Fields::of(config)))
    if (key.kind == KeyKind::physics) text += key.key + ": " + key.value + "\n";
  return cache_directory() / fmt::format("summary-{:016x}.json", XXH3_64bits(text.data(), text.size()));
}

json to_json(const TrainingSummary& summary) {
  json features = json::array();
  for (const auto& f : summary.standardisation.features)
    features.push_back({{"object", f.object}, {"feature", f.feature}, {"mean", f.mean}, {"scale", f.scale},
                        {"minimum", f.minimum}, {"maximum", f.maximum}, {"rows", f.rows}});
  return {{"kind", summary.standardisation.kind}, {"messages", summary.standardisation.messages}, {"features", features},
          {"events", summary.num_events}, {"class_labels", summary.class_labels},
          {"weights", {{"events", summary.weights.events}, {"sums", summary.weights.sums}, {"outside", summary.weights.outside},
                       {"outside_sum", summary.weights.outside_sum}}}};
}

void check_shape(const WeightTable& table, size_t num_classes, size_t num_bins) {
  const auto has_bins = [num_bins](const auto& values) { return values.size() == num_bins; };
  TEV_CHECK(table.events.size() == num_classes && table.sums.size() == num_classes && table.outside.size() == num_classes &&
                table.outside_sum.size() == num_classes && std::all_of(table.events.begin(), table.events.end(), has_bins) &&
                std::all_of(table.sums.begin(), table.sums.end(), has_bins),
            "it has weights of other classes or bins");
}

/// @throws json::exception, Error  what does not belong to the features and classes of the data
TrainingSummary from_json(const json& value, const DataSession& data) {
  const DataSpec& spec = data.spec();
  TrainingSummary summary;
  summary.standardisation.kind = value.at("kind");
  summary.standardisation.messages = value.at("messages");
  for (const auto& f : value.at("features"))
    summary.standardisation.features.push_back({f.at("object"), f.at("feature"), f.at("mean"), f.at("scale"), f.at("minimum"),
                                                f.at("maximum"), f.at("rows")});
  summary.num_events = value.at("events");
  summary.class_labels = value.at("class_labels").get<std::vector<int64_t>>();
  const json& weights = value.at("weights");
  weights.at("events").get_to(summary.weights.events);
  weights.at("sums").get_to(summary.weights.sums);
  weights.at("outside").get_to(summary.weights.outside);
  weights.at("outside_sum").get_to(summary.weights.outside_sum);
  std::vector<std::string> expected, found;
  for (const auto& object : spec.objects)
    for (const auto& feature : object.features) expected.push_back(object.name + "." + feature);
  for (const auto& f : summary.standardisation.features) found.push_back(f.object + "." + f.feature);
  TEV_CHECK(found == expected && summary.class_labels.size() == spec.classes.size(), "it has other features or classes");
  check_shape(summary.weights, spec.classes.size(), static_cast<size_t>(data.training_weights().num_bins()));
  summary.class_weight = data.fit_weights(summary.weights).class_weight;
  return summary;
}

/// The summary that a file holds; nothing where there is none, or where it cannot be understood.
std::optional<TrainingSummary> read_summary(const std::filesystem::path& path, const DataSession& data, Messages& messages) {
  std::error_code unreadable;
  if (!std::filesystem::exists(path, unreadable)) return std::nullopt;
  try {
    return from_json(json::parse(read_file(path)), data);
  } catch (const std::exception& error) {
    messages.info(path.string() + ": cannot be understood (" + error.what() + "), so it is made anew.");
    return std::nullopt;
  }
}

void write_summary(const std::filesystem::path& path, const TrainingSummary& summary, Messages& messages) {
  try {
    std::filesystem::create_directories(path.parent_path());
    replace_file(path, to_json(summary).dump(1));
  } catch (const std::exception& error) {
    messages.info(c10::str("cache: ", error.what(), " The next start reads the training split again."));
  }
}

void say_what_is_kept(const TrainingSummary& summary, const DataSession& data, const DataConfig& config, Messages& messages) {
  std::vector<std::string> keys;
  if (!config.select.empty()) keys.emplace_back("data.select");
  if (config.label.other == "drop") keys.emplace_back("data.label.other");
  if (config.weight.negative == "drop") keys.emplace_back("data.weight.negative");
  messages.info(fmt::format("{} {} {} of {} training events: batches are smaller by as much", fmt::join(keys, " and "), keys.size() == 1 ? "keeps" : "keep",
                            summary.num_events, data.num_events(Split::train)));
}

void say(const TrainingSummary& summary, const DataSession& data, const DataConfig& config, Messages& messages) {
  for (const auto& message : summary.standardisation.messages) messages.warning(message);
  if (!config.select.empty() || config.label.other == "drop" || config.weight.negative == "drop") say_what_is_kept(summary, data, config, messages);
  if (!data.training_weights().has_factors()) return;
  const WeightFactors factors = data.fit_weights(summary.weights);
  for (const auto& line : weight_report(data.training_weights(), data.spec(), summary.weights, factors)) messages.info(line);
  for (const auto& warning : factors.warnings) messages.warning(warning);
}

}  // namespace

std::optional<TrainingSummary> cached_summary(DataSession& data, const DataConfig& config, int64_t seed, Messages& messages,
                                              const std::function<bool()>& stop) {
  const auto path = cache_file(data, config, seed);
  auto summary = read_summary(path, data, messages);
  if (!summary) {
    summary = data.summarise(stop);
    if (!summary) return summary;
    write_summary(path, *summary, messages);
  }
  say(*summary, data, config, messages);
  return summary;
}

}  // namespace tev
