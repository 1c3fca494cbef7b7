#include "data/order/shuffle_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "data/order/lanes.hpp"

namespace tev {
namespace {

// Equal windows, the fewest of at most shuffle_rows / lanes rows.
void cut_windows(ShuffleSpec& spec, int64_t shuffle_rows) {
  const int64_t lane_rows = divide_up(spec.num_rows, spec.lanes);
  const int64_t most_rows = std::max<int64_t>(1, divide_up(shuffle_rows, spec.lanes));
  spec.window_rows = divide_up(lane_rows, divide_up(lane_rows, most_rows));
  spec.num_windows = divide_up(lane_rows, spec.window_rows);
}

bool window_holds_mean_unit(const ShuffleSpec& spec) {
  return static_cast<__int128>(spec.window_rows) * spec.num_units >= spec.num_rows;
}

/// Rows of the unit of an average sample: sum(rows^2) / N.
double typical_rows(const std::vector<int64_t>& unit_rows) {
  double sum = 0, squares = 0;
  for (const int64_t rows : unit_rows) {
    sum += static_cast<double>(rows);
    squares += static_cast<double>(rows) * static_cast<double>(rows);
  }
  return sum > 0 ? squares / sum : 0;
}

}  // namespace

int64_t choose_shuffle_rows(int64_t asked, const std::vector<int64_t>& unit_rows, int64_t event_bytes) {
  constexpr int64_t least = 262144, mib = 1 << 20;
  constexpr double units = 256;
  if (asked != 0) return asked;
  const int64_t held_bytes = event_bytes + kEventOverheadBytes;
  const auto of_units = static_cast<int64_t>(units * typical_rows(unit_rows));
  return std::max({least, 256 * mib / held_bytes, std::min(of_units, 1024 * mib / held_bytes)});
}

ShuffleSpec plan_shuffle(const std::vector<int64_t>& unit_rows, int64_t shuffle_rows) {
  TEV_CHECK_INPUT(shuffle_rows > 0, "data.shuffle_rows: ", shuffle_rows, " is not positive (events among which a batch is drawn). Give a number of events.");
  ShuffleSpec spec;
  for (const int64_t rows : unit_rows) {
    TEV_CHECK_INPUT(rows >= 0, "data.order: a unit has ", rows, " rows (a count). Report the input file.");
    spec.num_rows += rows;
    spec.num_units += rows > 0;
  }
  if (spec.num_rows == 0) return spec;
  spec.typical_unit_rows = typical_rows(unit_rows);
  shuffle_rows = spec.shuffle_rows = std::min(shuffle_rows, spec.num_rows);
  for (spec.lanes = kMaxLanes;; spec.lanes /= 2) {
    cut_windows(spec, shuffle_rows);
    if (spec.lanes == 1 || (spec.lanes <= spec.num_rows && window_holds_mean_unit(spec))) return spec;
  }
}

int64_t pass_window_rows(const std::vector<int64_t>& unit_rows) {
  const int64_t rows = std::accumulate(unit_rows.begin(), unit_rows.end(), int64_t{0});
  return std::clamp<int64_t>(rows / std::max<int64_t>(1, static_cast<int64_t>(unit_rows.size())), 1, 128);
}

double predicted_spread(const ShuffleSpec& spec, int64_t batch_size) {
  TEV_CHECK_INPUT(batch_size >= 1, "train.batch_size: ", batch_size, " is below 1. Give the events of a batch.");
  const double N = static_cast<double>(spec.num_rows);
  const double B = static_cast<double>(batch_size);
  const double unit_rows = std::min(spec.typical_unit_rows, static_cast<double>(spec.window_rows));
  const double U = N / unit_rows;
  if (spec.num_rows <= 1 || batch_size >= spec.num_rows || U <= 1) return 1;
  const double lanes_touched = std::min(B, static_cast<double>(spec.lanes));
  const double rows_per_lane = B / lanes_touched;
  // A batch larger than a round of windows spans several: as good as one larger window.
  const double W = std::max(static_cast<double>(spec.window_rows), rows_per_lane);
  const double window_units = std::clamp(W / unit_rows, 1.0, std::max(1.0, U / lanes_touched));
  const double batch_units = std::min(U, lanes_touched * window_units);

  const double between = (U - batch_units) / (batch_units * (U - 1));
  const double mixed = 1 - (U - window_units) / (window_units * (U - 1));
  const double inside = W > 1 ? mixed / B * (W - rows_per_lane) / (W - 1) : 0;
  const double perfect = (N - B) / (B * (N - 1));
  return std::sqrt((between + inside) / perfect);
}

}  // namespace tev
