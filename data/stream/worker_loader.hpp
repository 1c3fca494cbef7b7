#pragma once
// Units that are loaded by a pool of workers.

#include "data/stream/unit_store.hpp"
#include "data/stream/worker_pool.hpp"

namespace tev {

/// Loads each unit in one piece on a worker.
class WorkerLoader : public UnitLoader {
 public:
  explicit WorkerLoader(WorkerPool& workers) : workers_(workers) {}
  void load(int64_t unit, Done done) final;

 private:
  virtual DecodedUnit load_here(int64_t unit) const = 0;

  WorkerPool& workers_;
};

}  // namespace tev
