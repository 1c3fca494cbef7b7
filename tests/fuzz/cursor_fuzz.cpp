// Any text as the state of a run: refused as Error, or a cursor that survives saving, and from which the order continues.

#include "base/check.hpp"
#include "data/order/epoch_order.hpp"
#include "engine/train/train_state.hpp"
#include "tests/fuzz/fuzz_bytes.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace tev {
namespace {

const auto kUnitRows = std::make_shared<const std::vector<int64_t>>(std::vector<int64_t>{40, 17, 0, 64, 25, 3, 40, 11});
constexpr int64_t kEvents = 200;

/// The first batch from where a cursor says: rows that there are, none of them twice.
void seek(const Cursor& cursor) {
  const EpochOrder order({cursor.seed, kUnitRows, cursor.lanes, cursor.window_rows, cursor.batch_size}, cursor.epoch);
  if (cursor.step >= order.num_steps()) return;
  std::vector<Placement> batch;
  order.batch(cursor.step, 0, 1, batch);
  const int64_t left = kEvents - cursor.step * cursor.batch_size;
  fuzz::require(static_cast<int64_t>(batch.size()) == std::min(cursor.batch_size, left), "that a batch has its size");
  std::set<std::pair<int64_t, int64_t>> seen;
  for (const auto& place : batch) {
    fuzz::require(place.row >= 0 && place.row < kUnitRows->at(static_cast<size_t>(place.unit)), "that a row lies in its unit");
    fuzz::require(seen.emplace(place.unit, place.row).second, "that no event comes twice");
  }
  order.window_units(order.window_of_position(cursor.step * cursor.batch_size), 0, 1);
}

}  // namespace
}  // namespace tev

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tev;
  const auto json = nlohmann::json::parse(data, data + size, nullptr, false);
  try {
    const TrainState state = from_json(json, {});
    const auto saved = to_json(state);
    fuzz::require(to_json(from_json(saved, {})) == saved, "that a state survives saving");
    seek(state.cursor);
    check_compatible(state.cursor, Cursor{});
  } catch (const Error&) {
  }
  return 0;
}
