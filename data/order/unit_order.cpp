#include "data/order/unit_order.hpp"

#include <algorithm>

#include "base/seed.hpp"
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

}  // namespace

std::vector<int64_t> stratified_unit_order(uint64_t key, int64_t num_units, int64_t lanes, int64_t windows) {
  // Windows smaller than a unit share it: more cells than units would leave nothing to deal out.
  windows = std::clamp<int64_t>(windows, 1, std::max<int64_t>(1, num_units / lanes));
  const std::vector<int64_t> cells = deal_to_cells(key, num_units, lanes, windows);

  std::vector<int64_t> offsets(lanes * windows + 1, 0);
  for (const int64_t cell : cells) ++offsets[cell + 1];
  for (size_t cell = 1; cell < offsets.size(); ++cell) offsets[cell] += offsets[cell - 1];

  std::vector<int64_t> order(num_units);
  std::vector<int64_t> filled(lanes * windows, 0);
  for (int64_t unit = 0; unit < num_units; ++unit) {
    const int64_t cell = cells[unit];
    const Permutation place(seed_key(key, kPlace, cell), offsets[cell + 1] - offsets[cell]);
    order[offsets[cell] + place(filled[cell]++)] = unit;
  }
  return order;
}

}  // namespace tev
