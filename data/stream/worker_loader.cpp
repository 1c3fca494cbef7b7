#include "data/stream/worker_loader.hpp"

#include <algorithm>
#include <utility>

namespace tev {

void WorkerLoader::load(int64_t unit, Done done) {
  std::optional<int64_t> ahead;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(unit);
    ahead = next_to_expect();
  }
  if (ahead) expect(*ahead);
  workers_.submit([this, unit, done = std::move(done)] {
    std::optional<int64_t> ahead;
    {
      const std::lock_guard lock(mutex_);
      waiting_.pop_front();
      --num_expected_;
      ahead = next_to_expect();
    }
    if (ahead) expect(*ahead);
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

/// The first unit that waits for a worker and has not been looked at, if few have; needs the lock. Called once for each that comes or
/// goes, so that always the first kUnitsAhead have been.
std::optional<int64_t> WorkerLoader::next_to_expect() {
  if (num_expected_ >= std::min(kUnitsAhead, waiting_.size())) return std::nullopt;
  const int64_t unit = waiting_[num_expected_++];
  if (unit == std::exchange(last_expected_, unit) + 1) return std::nullopt;
  return unit;
}

}  // namespace tev
