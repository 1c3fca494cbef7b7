#pragma once
// What a run remembers between two steps, beside weights and optimizer: a plain value that a checkpoint saves as JSON.

#include "data/order/cursor.hpp"
#include "engine/train/early_stopping.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace tev {

struct TrainState {
  Cursor cursor;                ///< the next batch
  int64_t step = 0;             ///< optimizer steps taken
  int64_t events = 0;           ///< events seen
  double interval_loss = 0;     ///< since the last training line of metrics.jsonl: sum of weight x loss
  double interval_weight = 0;
  double mean_weight = 1;       ///< of the training events
  bool validation_due = false;  ///< the epoch has ended, its validation is not done yet
  int64_t threads = 0;          ///< of the matrix products
  std::map<std::string, uint64_t> fingerprints;  ///< of the data, by configuration key
  EarlyStopping early_stopping;
  int64_t metrics_bytes = 0;    ///< length of metrics.jsonl
};

nlohmann::json to_json(const TrainState& state);

/// @param start  gives what a checkpoint does not hold: patience and direction of early stopping
/// @throws Error  a field is missing or of another type
TrainState from_json(const nlohmann::json& json, const TrainState& start);

}  // namespace tev
