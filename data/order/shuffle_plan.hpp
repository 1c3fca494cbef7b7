#pragma once
// How finely the data are shuffled: physics, fixed by the catalog and `data.shuffle_rows` alone.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tev {

/// Offsets, label, weight and place of an event in memory.
inline constexpr int64_t kEventOverheadBytes = 32;

/// What `data.shuffle_rows`, the events among which a batch is drawn, is by default: 262,144, or more where 256 MiB hold more, or where
/// units are large: 256 of them, but no more than 1 GiB holds. A file sorted by class is mixed within 1.25 of a perfect shuffle then
/// (tests/data/order/shuffle_plan_test.cpp), but for units that are so large that 1 GiB holds few.
/// @param asked        0: the default
/// @param unit_rows    rows of each unit
/// @param event_bytes  of the values of an event in memory
int64_t choose_shuffle_rows(int64_t asked, const std::vector<int64_t>& unit_rows, int64_t event_bytes);

/// Most lanes; the number of ranks must divide the number of lanes.
inline constexpr int64_t kMaxLanes = 64;

/// Lanes and windows of an epoch.
struct ShuffleSpec {
  int64_t num_rows = 0;     ///< samples of an epoch
  int64_t num_units = 0;    ///< units that hold at least one sample
  double typical_unit_rows = 0;  ///< rows of the unit of an average sample: sum(rows^2) / N
  int64_t shuffle_rows = 0;  ///< of all windows of a round, as asked for; all samples at most
  int64_t lanes = 1;        ///< a power of two up to kMaxLanes
  int64_t window_rows = 1;  ///< rows of one window of one lane
  int64_t num_windows = 0;  ///< windows of the longest lane

  /// Events among which a batch is drawn.
  int64_t round_rows() const { return std::min(num_rows, lanes * window_rows); }
};

/// Chooses lanes and windows.
/// A lane is cut into equal windows, as few as `shuffle_rows` allows: lanes * window_rows is at most shuffle_rows
/// (rounded up to whole rows), and no short last window mixes badly. The number of lanes is the largest power of two
/// up to 64 for which a window still holds a mean unit (smaller windows would read a unit several times and draw
/// neighbouring rows into a batch) and no lane is empty; 1 if there is none. Neither ranks, threads nor memory enter.
/// @param unit_rows     rows of each unit in catalog order; may hold zeros
/// @param shuffle_rows  all or more: each lane is a single window
/// @throws              tev::InputError where it is not positive
ShuffleSpec plan_shuffle(const std::vector<int64_t>& unit_rows, int64_t shuffle_rows);

/// Rows of a window of a pass in the order of the files: about a unit's, so that hardly more than one is held, and 128 at most.
int64_t pass_window_rows(const std::vector<int64_t>& unit_rows);

/// Spread (standard deviation) of the class fraction over batches, in units of that of a perfect shuffle, when every
/// unit holds one class only and units are in no order: the pessimistic case. It depends on neither the number of
/// classes nor their shares. A file in which the classes follow one another does better, see unit_order.hpp; below 1
/// means more even than a perfect shuffle.
///
/// With N rows in U = N / typical_unit_rows units, batches of B rows, L lanes with windows of W rows = m units: a batch
/// draws b = B/c rows from each of c = min(B, L) windows, that is from c*m of U units without replacement, and b of the
/// W rows of each window without replacement. Variances over p(1-p):
///   between windows  (1/(c m)) (U - c m)/(U - 1)
///   inside windows   (1/B) (1 - (1/m) (U - m)/(U - 1)) (W - b)/(W - 1)
///   perfect shuffle  (1/B) (N - B)/(N - 1)
/// Roughly sqrt(1 + B/(L m)). A unit larger than a window counts as several, each of one class. Windows that cut units, so that they
/// see more than m of them, do better where m is near 1
/// (tests/data/order/shuffle_plan_test.cpp compares it with simulated orders).
double predicted_spread(const ShuffleSpec& spec, int64_t batch_size);

/// The same as a bound: below 1 it is none where there are few units.
inline double spread_bound(const ShuffleSpec& spec, int64_t batch_size) { return std::max(1.0, predicted_spread(spec, batch_size)); }

}  // namespace tev
