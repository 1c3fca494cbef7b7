#pragma once
// Which sample is in which batch, on which rank.

#include "data/order/lanes.hpp"
#include "data/order/permutation.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace tev {

/// What fixes the order of every epoch.
struct OrderSpec {
  uint64_t seed = 0;
  std::shared_ptr<const std::vector<int64_t>> unit_rows;  ///< rows of each unit, in catalog order; zeros allowed
  int64_t lanes = 1;        ///< a power of two up to 64, from plan_shuffle
  int64_t window_rows = 1;  ///< rows of a window of one lane, from plan_shuffle
  int64_t batch_size = 1;   ///< samples of a batch over all ranks
};

/// Where a sample lies.
struct Placement {
  int64_t unit = 0;  ///< index in the catalog's list of units
  int64_t row = 0;   ///< row inside the unit
  int64_t window = 0;  ///< round of windows that it is drawn from
  friend bool operator==(const Placement&, const Placement&) = default;
};

/// @throws tev::InputError unless the number of ranks divides the number of lanes
void check_ranks(int64_t lanes, int64_t world);

/// The order of one epoch, a pure function of (spec, epoch): every sample exactly once, any batch size, no padding.
/// Units come in the order of unit_order.hpp, the key being (seed, epoch). The stream of their N samples is cut into L
/// lanes [l*N/L, (l+1)*N/L), each lane is shuffled window by window. Stream position p is lane p mod L, offset
/// p div L; the last round holds only the lanes that are one longer, in lane order. Batch t is positions
/// [t*B, (t+1)*B), the last one shorter; rank r of R takes the lanes l = r mod R, and may get no rows.
/// What a batch holds depends on neither ranks, threads nor prefetching. Any step is reached in O(log units) after an
/// O(units) construction; nothing is changed by a question, so threads may share an order.
class EpochOrder {
 public:
  /// @throws tev::InputError for a batch size below 1, lanes that are no power of two, negative unit sizes
  EpochOrder(OrderSpec spec, int64_t epoch);

  /// Evaluation order: nothing is shuffled; with one lane it is the order of the catalog.
  /// @param window_rows  rows a lane's reader needs at a time: here mere bookkeeping of what to prefetch
  /// @param lanes        more than one to share the work between ranks
  static EpochOrder sequential(std::shared_ptr<const std::vector<int64_t>> unit_rows, int64_t batch_size,
                               int64_t window_rows, int64_t lanes = 1);

  int64_t num_samples() const { return cut_.num_samples; }
  int64_t num_steps() const;
  int64_t num_windows() const;
  int64_t lanes() const { return spec_.lanes; }

  /// Positions [first, last) of a step.
  std::pair<int64_t, int64_t> positions(int64_t step) const;

  /// The sample at a stream position.
  Placement at(int64_t position) const;

  /// The samples of a step on one rank, by rising position.
  void batch(int64_t step, int64_t rank, int64_t world, std::vector<Placement>& out) const;

  /// The round of windows a position is drawn from.
  int64_t window_of_position(int64_t position) const;

  /// The units that the lanes of a rank draw from in a round of windows: sorted, each once.
  std::vector<int64_t> window_units(int64_t window, int64_t rank, int64_t world) const;

 private:
  enum class Shuffle { on, off };

  /// A window of a lane as a range of the stream.
  struct Window {
    int64_t index = -1;
    int64_t first_offset = 0;           // of the lane
    int64_t begin = 0, size = 0;        // in the stream of samples
    int64_t first_place = 0, last_place = 0;  // in the stream of units; it draws from first_place..last_place
    std::optional<Permutation> order{};  // of its samples; none: as they come
  };

  EpochOrder(OrderSpec spec, int64_t epoch, Shuffle shuffle);
  void arrange_units();
  std::pair<int64_t, int64_t> lane_and_offset(int64_t position) const;
  Window window(int64_t lane, int64_t index) const;
  Placement place(const Window& window, int64_t offset) const;

  OrderSpec spec_;
  int64_t epoch_;
  Shuffle shuffle_;
  LaneCut cut_;
  std::vector<int64_t> unit_at_;          // place in the stream -> unit with at least one row
  std::vector<int64_t> stream_offsets_;   // place -> first sample in the stream; one more entry
};

}  // namespace tev
