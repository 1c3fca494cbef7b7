#pragma once
// Batches in the order of data/order, made ahead of the training step.
//
// Two threads: the loader walks the windows of the order and pins their units in the store (blocking on the byte budget);
// the assembler walks the steps, waits for units and copies events into batches. The consumer holds the cursor.

#include "data/order/epoch_order.hpp"
#include "data/order/split.hpp"
#include "data/stream/unit_store.hpp"

#include <atomic>
#include <deque>
#include <optional>
#include <thread>

namespace tev {

/// Which share of every batch this process reads.
struct ShardSpec {
  int64_t rank = 0;
  int64_t world = 1;
};

struct StreamSpec {
  OrderSpec order;
  std::shared_ptr<const SplitView> split;  ///< null: all rows of a unit
  Split use = Split::train;
  ShardSpec shard;
  bool shuffled = true;         ///< false: the order of the files
  int64_t first_epoch = 0;
  int64_t first_step = 0;       ///< within the first epoch
  int64_t end_epoch = 1;        ///< the stream ends before this epoch
  int64_t prefetch = 4;         ///< batches made ahead
  int64_t queue_bytes = 64 << 20;  ///< memory of these batches: fewer are made ahead where they are larger, at least one
  bool pinned = false;          ///< batches lie in pinned memory, from where a GPU copies while the program goes on
  double budget_share = 1.0;    ///< of the store's budget that this stream may fill
  /// The error message when a window does not fit.
  std::function<std::string(const PinQuota&)> budget_advice = [](const PinQuota&) {
    return std::string("data.budget_mib: a window does not fit into the memory of loading. Raise it.");
  };
};

class BatchStream {
 public:
  BatchStream(UnitStore& store, UnitLoader& loader, StreamSpec spec);
  ~BatchStream();

  /// The next batch, or nothing after the last one. Blocks until it is there.
  /// @throws what reading or decoding threw
  std::optional<Batch> next();

  /// Time that next() has spent waiting.
  double wait_seconds() const { return wait_seconds_; }
  /// Time that copying events into batches has taken so far.
  double gather_seconds() const { return 1e-9 * static_cast<double>(gather_ns_.load()); }

 private:
  struct Window {
    int64_t epoch = 0, window = 0;
    std::vector<int64_t> units;
    std::map<int64_t, std::shared_ptr<const DecodedUnit>> loaded;
  };

  std::shared_ptr<const EpochOrder> order_of(int64_t epoch);
  void load_windows();
  bool load_window(int64_t epoch, int64_t window, const EpochOrder& order);
  void assemble_steps();
  std::optional<Batch> assemble(int64_t epoch, int64_t step, const EpochOrder& order);
  bool open_window(int64_t epoch, int64_t window);
  void close_window();
  const DecodedUnit* unit_of_window(int64_t unit);
  bool push(Batch batch);
  void run(void (BatchStream::*body)());

  UnitStore& store_;
  UnitLoader& loader_;
  const StreamSpec spec_;
  PinQuota quota_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<int64_t> windows_held_ = 0;  ///< complete windows that the assembler will give back
  std::deque<Window> windows_;             ///< pinned, in order
  std::deque<Batch> batches_;              ///< assembled, in order
  int64_t queued_bytes_ = 0;               ///< of these
  bool ended_ = false;
  std::exception_ptr failure_;
  std::map<int64_t, std::shared_ptr<const EpochOrder>> orders_;

  std::optional<Window> current_;  ///< the assembler's own
  double wait_seconds_ = 0;        ///< the consumer's own
  std::atomic<int64_t> gather_ns_ = 0;
  std::thread loading_, assembling_;
};

}  // namespace tev
