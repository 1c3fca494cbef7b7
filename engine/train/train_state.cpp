#include "engine/train/train_state.hpp"

#include "base/check.hpp"

namespace tev {
namespace {

/// A whole number; the library itself would make one of 1e30 and of -1.
template <class Integer>
Integer integer(const nlohmann::json& value) {
  const bool fits = std::is_unsigned_v<Integer> ? value.is_number_unsigned()
                                                : value.is_number_integer() && (!value.is_number_unsigned() || value.get<uint64_t>() >> 63 == 0);
  TEV_CHECK(fits, "checkpoint: state.json holds ", value.dump(), " (a whole number was expected). Continue from another checkpoint.");
  return value.get<Integer>();
}

}  // namespace

nlohmann::json to_json(const TrainState& state) {
  nlohmann::json cursor;
  for (const auto& [name, value] : to_fields(state.cursor)) cursor[name] = value;
  nlohmann::json json{{"cursor", cursor},
                      {"step", state.step},
                      {"events", state.events},
                      {"interval_loss", state.interval_loss},
                      {"interval_weight", state.interval_weight},
                      {"mean_weight", state.mean_weight},
                      {"validation_due", state.validation_due},
                      {"threads", state.threads},
                      {"fingerprints", state.fingerprints},
                      {"validations_without_improvement", state.early_stopping.validations_without_improvement},
                      {"metrics_bytes", state.metrics_bytes}};
  if (state.early_stopping.best_value) json["best_value"] = *state.early_stopping.best_value;
  return json;
}

TrainState from_json(const nlohmann::json& json, const TrainState& start) {
  TrainState state = start;
  try {
    CursorFields fields;
    for (const auto& [name, value] : json.at("cursor").items()) fields.emplace_back(name, integer<uint64_t>(value));
    state.cursor = from_fields(fields);
    state.step = integer<int64_t>(json.at("step"));
    state.events = integer<int64_t>(json.at("events"));
    state.interval_loss = json.at("interval_loss");
    state.interval_weight = json.at("interval_weight");
    state.mean_weight = json.at("mean_weight");
    state.validation_due = json.at("validation_due");
    state.threads = integer<int64_t>(json.at("threads"));
    state.fingerprints.clear();
    for (const auto& [key, value] : json.at("fingerprints").items()) state.fingerprints[key] = integer<uint64_t>(value);
    state.early_stopping.validations_without_improvement = integer<int64_t>(json.at("validations_without_improvement"));
    if (json.contains("best_value")) state.early_stopping.best_value = json.at("best_value").get<double>();
    state.metrics_bytes = integer<int64_t>(json.at("metrics_bytes"));
  } catch (const nlohmann::json::exception& error) {
    throw Error(c10::str("checkpoint: state.json cannot be understood: ", error.what(), ". Continue from another checkpoint."));
  }
  return state;
}

}  // namespace tev
