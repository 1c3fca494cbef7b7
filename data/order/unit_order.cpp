#include "data/order/unit_order.hpp"

#include <algorithm>
#include <numeric>

#include "base/seed.hpp"
#include "data/order/lanes.hpp"
#include "data/order/permutation.hpp"

namespace tev {
namespace {

enum Draw : uint64_t { kWindow, kLane, kPlace };

// The cell (lane, window) of each unit. A stratum is as many neighbouring units as there are cells, and each cell gets
// one of them; inside a stratum each run of `windows` units covers all windows once.
std::vector<int64_t> deal_to_cells(uint64_t key, int64_t num_units, int64_t lanes, int64_t windows) {
  std::vector<int64_t> cells(num_units);
  std::vector<Permutation> to_lane;
  for (int64_t first = 0; first < num_units; first += lanes * windows) {
    to_lane.clear();
    for (int64_t window = 0; window < windows; ++window)
      to_lane.emplace_back(seed_key(key, kLane, first, window), lanes);
    for (int64_t run = 0; run < lanes; ++run) {
      const int64_t begin = first + run * windows;
      const Permutation to_window(seed_key(key, kWindow, begin), windows);
      for (int64_t i = 0; i < windows && begin + i < num_units; ++i) {
        const int64_t window = to_window(i);
        cells[begin + i] = to_lane[window](run) * windows + window;
      }
    }
  }
  return cells;
}

/// The units of every round of windows, lane by lane; taken from the front.
class Rounds {
 public:
  Rounds(uint64_t key, int64_t num_units, int64_t lanes, int64_t windows) : units_(windows), taken_(windows), next_(windows) {
    const std::vector<int64_t> cells = deal_to_cells(key, num_units, lanes, windows);
    std::vector<int64_t> offsets(lanes * windows + 1, 0);
    for (const int64_t cell : cells) ++offsets[cell + 1];
    for (size_t cell = 1; cell < offsets.size(); ++cell) offsets[cell] += offsets[cell - 1];

    std::vector<int64_t> by_cell(num_units);
    std::vector<int64_t> filled(lanes * windows, 0);
    for (int64_t unit = 0; unit < num_units; ++unit) {
      const int64_t cell = cells[unit];
      const Permutation place(seed_key(key, kPlace, cell), offsets[cell + 1] - offsets[cell]);
      by_cell[offsets[cell] + place(filled[cell]++)] = unit;
    }
    for (int64_t cell = 0; cell < lanes * windows; ++cell) {
      auto& round = units_[cell % windows];
      round.insert(round.end(), by_cell.begin() + offsets[cell], by_cell.begin() + offsets[cell + 1]);
    }
    for (int64_t window = 0; window < windows; ++window) next_[window] = (window + 1) % windows;
  }

  /// The next unit of a round, or of the next one that has any.
  int64_t take(int64_t round) {
    int64_t open = round;
    while (taken_[open] == units_[open].size()) open = next_[open];
    if (open != round) next_[round] = open;  // what is empty stays so
    return units_[open][taken_[open]++];
  }

 private:
  std::vector<std::vector<int64_t>> units_;
  std::vector<size_t> taken_;
  std::vector<int64_t> next_;  // where to look when a round is empty
};

}  // namespace

std::vector<int64_t> stratified_unit_order(uint64_t key, const std::vector<int64_t>& unit_rows, int64_t lanes, int64_t window_rows) {
  const auto num_units = static_cast<int64_t>(unit_rows.size());
  if (num_units == 0) return {};
  const LaneCut cut{std::accumulate(unit_rows.begin(), unit_rows.end(), int64_t{0}), lanes};
  // Windows smaller than a unit share it: more cells than units would leave nothing to deal out.
  const int64_t windows = std::min(divide_up(cut.longest(), window_rows), std::max<int64_t>(1, num_units / lanes));
  const int64_t round_rows = std::max(window_rows, divide_up(cut.longest(), windows));
  Rounds rounds(key, num_units, lanes, windows);

  std::vector<int64_t> order;
  order.reserve(num_units);
  const int64_t half_unit = cut.num_samples / num_units / 2;
  int64_t lane = 0, sample = 0;
  for (int64_t i = 0; i < num_units; ++i) {
    const int64_t middle = std::min(sample + half_unit, cut.num_samples - 1);
    while (middle >= cut.begin(lane + 1)) ++lane;
    order.push_back(rounds.take((middle - cut.begin(lane)) / round_rows));
    sample += unit_rows[order.back()];
  }
  return order;
}

}  // namespace tev
