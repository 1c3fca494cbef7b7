#include "engine/train/summary_cache.hpp"

#include "base/cache_directory.hpp"
#include "base/check.hpp"
#include "data/transform/prelude.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/config/compare.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

namespace tev {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

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
          {"class_events", summary.class_events}, {"class_weight", summary.class_weight}};
}

/// @throws json::exception, Error  what does not belong to the features and classes of the data
TrainingSummary from_json(const json& value, const DataSpec& spec) {
  TrainingSummary summary;
  summary.standardisation.kind = value.at("kind");
  summary.standardisation.messages = value.at("messages");
  for (const auto& f : value.at("features"))
    summary.standardisation.features.push_back({f.at("object"), f.at("feature"), f.at("mean"), f.at("scale"), f.at("minimum"),
                                                f.at("maximum"), f.at("rows")});
  summary.class_events = value.at("class_events").get<std::vector<int64_t>>();
  summary.class_weight = value.at("class_weight").get<std::vector<double>>();
  std::vector<std::string> expected, found;
  for (const auto& object : spec.objects)
    for (const auto& feature : object.features) expected.push_back(object.name + "." + feature);
  for (const auto& f : summary.standardisation.features) found.push_back(f.object + "." + f.feature);
  TEV_CHECK(found == expected && summary.class_events.size() == spec.classes.size() && summary.class_weight.size() == spec.classes.size(),
            "it has other features or classes");
  return summary;
}

/// The summary that a file holds; nothing where there is none, or where it cannot be understood.
std::optional<TrainingSummary> read_summary(const std::filesystem::path& path, const DataSpec& spec, Messages& messages) {
  std::error_code unreadable;
  if (!std::filesystem::exists(path, unreadable)) return std::nullopt;
  try {
    return from_json(json::parse(read_file(path)), spec);
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

void say(const TrainingSummary& summary, const DataSession& data, const DataConfig& config, Messages& messages) {
  for (const auto& message : summary.standardisation.messages) messages.warning(message);
  if (config.select.empty()) return;
  const int64_t all = data.num_events(Split::train);
  messages.info(fmt::format("data.select keeps {} of {} training events: batches are smaller by as much", summary.num_events(), all));
}

}  // namespace

std::optional<TrainingSummary> cached_summary(DataSession& data, const DataConfig& config, int64_t seed, Messages& messages,
                                              const std::function<bool()>& stop) {
  const auto path = cache_file(data, config, seed);
  auto summary = read_summary(path, data.spec(), messages);
  if (!summary) {
    summary = data.summarise(stop);
    if (!summary) return summary;
    write_summary(path, *summary, messages);
  }
  say(*summary, data, config, messages);
  return summary;
}

}  // namespace tev
