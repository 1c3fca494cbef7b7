#include "data/stream/worker_loader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tev {

void WorkerLoader::load(int64_t unit, Done done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(unit);
  }
  expect_next();
  workers_.submit([this, unit, done = std::move(done)] {
    {
      const std::lock_guard lock(mutex_);
      waiting_.pop_front();
      --num_expected_;
    }
    expect_next();
    std::shared_ptr<const DecodedUnit> decoded;
    std::exception_ptr failure;
    try {
      decoded = std::make_shared<const DecodedUnit>(load_here(unit));
    } catch (...) {
      failure = std::current_exception();
    }
    done(std::move(decoded), std::move(failure));
  });
}

/// Expects the first unit that waits for a worker and is not expected yet, if few are.
void WorkerLoader::expect_next() {
  std::optional<int64_t> unit;
  {
    const std::lock_guard lock(mutex_);
    if (num_expected_ < std::min(kUnitsAhead, waiting_.size())) {
      unit = waiting_[num_expected_++];
      if (*unit == std::exchange(last_expected_, *unit) + 1) return;
    }
  }
  if (unit) expect(*unit);
}

}  // namespace tev
