#include "engine/train/train_state.hpp"

#include "base/check.hpp"

namespace tev {

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
    for (const auto& [name, value] : json.at("cursor").items()) fields.emplace_back(name, value.get<uint64_t>());
    state.cursor = from_fields(fields);
    state.step = json.at("step");
    state.events = json.at("events");
    state.interval_loss = json.at("interval_loss");
    state.interval_weight = json.at("interval_weight");
    state.mean_weight = json.at("mean_weight");
    state.validation_due = json.at("validation_due");
    state.threads = json.at("threads");
    state.fingerprints = json.at("fingerprints").get<std::map<std::string, uint64_t>>();
    state.early_stopping.validations_without_improvement = json.at("validations_without_improvement");
    if (json.contains("best_value")) state.early_stopping.best_value = json.at("best_value").get<double>();
    state.metrics_bytes = json.at("metrics_bytes");
  } catch (const nlohmann::json::exception& error) {
    throw Error(c10::str("checkpoint: state.json cannot be understood: ", error.what(), ". Continue from another checkpoint."));
  }
  return state;
}

}  // namespace tev
