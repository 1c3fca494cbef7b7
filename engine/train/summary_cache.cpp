#include "engine/train/summary_cache.hpp"

#include "base/check.hpp"
#include "data/transform/prelude.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/config/compare.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <cstdlib>
#include <fstream>

namespace tev {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

std::filesystem::path cache_directory() {
  if (const char* given = std::getenv("TEVATRAIN_CACHE"); given && *given) return given;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : "/tmp") / ".cache" / "tevatrain";
}

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

TrainingSummary from_json(const json& value) {
  TrainingSummary summary;
  summary.standardisation.kind = value.at("kind");
  summary.standardisation.messages = value.at("messages");
  for (const auto& f : value.at("features"))
    summary.standardisation.features.push_back({f.at("object"), f.at("feature"), f.at("mean"), f.at("scale"), f.at("minimum"),
                                                f.at("maximum"), f.at("rows")});
  summary.class_events = value.at("class_events").get<std::vector<int64_t>>();
  summary.class_weight = value.at("class_weight").get<std::vector<double>>();
  return summary;
}

}  // namespace

std::optional<TrainingSummary> cached_summary(DataSession& data, const DataConfig& config, int64_t seed, Messages& messages,
                                              const std::function<bool()>& stop) {
  const auto path = cache_file(data, config, seed);
  if (std::ifstream file(path); file) {
    try {
      return from_json(json::parse(file));
    } catch (const json::exception& error) {
      messages.info(path.string() + ": cannot be understood (" + error.what() + "), so it is made anew.");
    }
  }
  const auto summary = data.summarise(stop);
  if (!summary) return summary;
  try {
    std::filesystem::create_directories(path.parent_path());
    replace_file(path, to_json(*summary).dump(1));
  } catch (const std::exception& error) {
    messages.info(c10::str("cache: ", error.what(), " The next start reads the training split again."));
  }
  return summary;
}

}  // namespace tev
