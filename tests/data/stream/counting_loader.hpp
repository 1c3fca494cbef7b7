#pragma once
// Units made in memory: what a stream loads, counted.

#include "base/check.hpp"
#include "data/stream/unit_store.hpp"
#include "data/stream/worker_pool.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <atomic>
#include <utility>

namespace tev::test {

/// Events whose content is their id: part values [id % 5 rows, 2] = id, event value = 2 id. From `heavy_from` on they have 100 rows more.
class CountingLoader final : public UnitLoader {
 public:
  CountingLoader(std::vector<int64_t> unit_rows, int64_t threads, int64_t heavy_from = int64_t{1} << 62)
      : unit_rows_(std::move(unit_rows)), heavy_from_(heavy_from), pool_(threads) {
    int64_t first = 0;
    for (const int64_t rows : unit_rows_) first_ids_.push_back(std::exchange(first, first + rows));
  }
  int64_t reserve_bytes(int64_t unit) const override {
    return 64 + unit_rows_[unit] * (first_ids_[unit] + unit_rows_[unit] > heavy_from_ ? 1000 : 200);
  }
  void load(int64_t unit, Done done) override {
    ++loads;
    pool_.submit([this, unit, done = std::move(done)] {
      if (unit == broken_unit) {
        done(nullptr, std::make_exception_ptr(Error("broken unit")));
      } else {
        done(std::make_shared<const DecodedUnit>(make(unit)), nullptr);
      }
    });
  }

  std::atomic<int64_t> loads = 0;
  int64_t broken_unit = -1;

 private:
  DecodedUnit make(int64_t unit) const {
    const int64_t rows = unit_rows_[unit];
    DecodedUnit decoded;
    decoded.num_events = rows;
    decoded.first_sample_id = first_ids_[unit];
    decoded.label = at::arange(first_ids_[unit], first_ids_[unit] + rows, at::kLong);
    decoded.weight = at::ones({rows}, at::kFloat);
    decoded.inputs["event"].values = decoded.label.to(at::kFloat).mul(2).unsqueeze(1);
    at::Tensor counts = decoded.label.remainder(5) + 100 * decoded.label.ge(heavy_from_).to(at::kLong);
    decoded.inputs["part"].offsets = at::zeros({rows + 1}, at::kLong);
    decoded.inputs["part"].offsets.slice(0, 1).copy_(counts.cumsum(0));
    decoded.inputs["part"].values =
        decoded.label.repeat_interleave(counts).to(at::kFloat).unsqueeze(1).repeat({1, 2});
    return decoded;
  }

  std::vector<int64_t> unit_rows_, first_ids_;
  int64_t heavy_from_;
  WorkerPool pool_;
};

}  // namespace tev::test
