#pragma once
// Units that are loaded by a pool of workers.

#include "data/stream/unit_store.hpp"
#include "data/stream/worker_pool.hpp"

#include <deque>
#include <mutex>
#include <optional>

namespace tev {

/// Loads each unit in one piece on a worker. The next units that wait for one are fetched from the disk meanwhile, so that workers decode and do not
/// wait (benchmarks/data/stream_compare.py --cold). Not those that follow the one before: the system reads a file on by itself.
class WorkerLoader : public UnitLoader {
 public:
  /// Units that are fetched ahead. Not all that wait: a disk that is asked for everything at once gives the first ones late.
  static constexpr size_t kUnitsAhead = 8;

  explicit WorkerLoader(WorkerPool& workers) : workers_(workers) {}
  void load(int64_t unit, Done done) final;

 private:
  /// Has the system fetch from the disk what loading a unit takes, without waiting for it.
  virtual void expect(int64_t unit) const = 0;
  virtual DecodedUnit load_here(int64_t unit) const = 0;
  std::optional<int64_t> next_to_expect();

  WorkerPool& workers_;
  std::mutex mutex_;
  std::deque<int64_t> waiting_;  ///< for a worker, in the order of loading
  size_t num_expected_ = 0;      ///< the first so many of them have been looked at
  int64_t last_expected_ = -2;
};

}  // namespace tev
