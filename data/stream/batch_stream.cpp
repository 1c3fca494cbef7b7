#include "data/stream/batch_stream.hpp"

#include "base/check.hpp"
#include "base/stopwatch.hpp"
#include "data/stream/gather.hpp"
#include "data/stream/worker_pool.hpp"

#include <chrono>

namespace tev {

BatchStream::BatchStream(UnitStore& store, UnitLoader& loader, StreamSpec spec)
    : store_(store), loader_(loader), spec_(std::move(spec)), quota_{spec_.budget_share, spec_.budget_advice} {
  TEV_CHECK(!spec_.split || *spec_.order.unit_rows == *spec_.split->unit_rows(spec_.use),
            "data: the order of a stream has other rows than the split that it reads.");
  loading_ = std::thread([this] { run(&BatchStream::load_windows); });
  assembling_ = std::thread([this] { run(&BatchStream::assemble_steps); });
}

BatchStream::~BatchStream() {
  {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  changed_.notify_all();
  store_.wake();
  loading_.join();
  assembling_.join();
  close_window();
  for (auto& window : windows_)
    for (const int64_t unit : window.units) store_.unpin(loader_, unit, quota_);
}

std::optional<Batch> BatchStream::next() {
  const auto begin = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !batches_.empty() || failure_ || ended_; });
  wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (batches_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return std::nullopt;
  }
  Batch batch = std::move(batches_.front());
  batches_.pop_front();
  queued_bytes_ -= batch_bytes(batch);
  lock.unlock();
  changed_.notify_all();
  return batch;
}

/// Runs a thread's body; what it throws reaches the consumer.
void BatchStream::run(void (BatchStream::*body)()) {
  use_one_aten_thread();
  try {
    (this->*body)();
  } catch (...) {
    {
      std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      cancelled_ = true;
    }
    changed_.notify_all();
    store_.wake();
  }
}

std::shared_ptr<const EpochOrder> BatchStream::order_of(int64_t epoch) {
  std::lock_guard lock(mutex_);
  auto& order = orders_[epoch];
  if (!order) {
    order = spec_.shuffled ? std::make_shared<const EpochOrder>(spec_.order, epoch)
                           : std::make_shared<const EpochOrder>(EpochOrder::sequential(
                                 spec_.order.unit_rows, spec_.order.batch_size, spec_.order.window_rows, spec_.order.lanes));
    orders_.erase(orders_.begin(), orders_.lower_bound(epoch - 1));
  }
  return orders_.at(epoch);
}

void BatchStream::load_windows() {
  for (int64_t epoch = spec_.first_epoch; epoch < spec_.end_epoch; ++epoch) {
    const auto order = order_of(epoch);
    const int64_t step = epoch == spec_.first_epoch ? spec_.first_step : 0;
    if (step >= order->num_steps()) continue;
    for (int64_t window = order->window_of_position(step * spec_.order.batch_size); window < order->num_windows(); ++window)
      if (!load_window(epoch, window, *order)) return;
  }
}

bool BatchStream::load_window(int64_t epoch, int64_t window, const EpochOrder& order) {
  Window loaded{epoch, window, {}, {}};
  const auto can_wait = [this] { return windows_held_ > 0; };
  const auto cancelled = [this] { return cancelled_.load(); };
  const auto give_back = [&] {
    for (const int64_t unit : loaded.units) store_.unpin(loader_, unit, quota_);
  };
  try {
    auto units = order.window_units(window, spec_.shard.rank, spec_.shard.world);
    // A rank without events in a window still needs the columns for its empty batches: any other rank's unit gives them.
    if (units.empty()) units = {order.window_units(window, 0, 1).front()};
    for (const int64_t unit : units) {
      if (!store_.pin(loader_, unit, quota_, can_wait, cancelled)) return give_back(), false;
      loaded.units.push_back(unit);
    }
  } catch (...) {
    give_back();
    throw;
  }
  {
    std::lock_guard lock(mutex_);
    windows_.push_back(std::move(loaded));
    ++windows_held_;
  }
  changed_.notify_all();
  return true;
}

void BatchStream::assemble_steps() {
  for (int64_t epoch = spec_.first_epoch; epoch < spec_.end_epoch; ++epoch) {
    const auto order = order_of(epoch);
    for (int64_t step = epoch == spec_.first_epoch ? spec_.first_step : 0; step < order->num_steps(); ++step) {
      auto batch = assemble(epoch, step, *order);
      if (!batch || !push(std::move(*batch))) return;
    }
  }
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

/// One batch. A step may straddle windows: each window's events are copied before the next window is waited for, so that
/// the memory of one window is enough to make progress.
std::optional<Batch> BatchStream::assemble(int64_t epoch, int64_t step, const EpochOrder& order) {
  std::vector<Placement> placements;
  order.batch(step, spec_.shard.rank, spec_.shard.world, placements);
  std::vector<Batch> pieces;
  for (size_t begin = 0; begin < placements.size() || pieces.empty();) {
    // A rank without rows in this step still needs the columns: any unit of the step's window gives them.
    const int64_t window = placements.empty() ? order.window_of_position(step * spec_.order.batch_size) : placements[begin].window;
    if (!open_window(epoch, window)) return std::nullopt;
    std::vector<EventRef> events;
    for (; begin < placements.size() && placements[begin].window == window; ++begin) {
      const auto [unit, row, in_window] = placements[begin];
      const DecodedUnit* decoded = unit_of_window(unit);
      if (!decoded) return std::nullopt;
      events.push_back({decoded, spec_.split ? spec_.split->row(spec_.use, unit, row) : row});
    }
    if (!events.empty()) {
      const Stopwatch watch(gather_ns_);
      pieces.push_back(gather_events(events));
    } else if (const DecodedUnit* unit = unit_of_window(current_->units.front())) {
      pieces.push_back(empty_batch(*unit));
    } else {
      return std::nullopt;
    }
  }
  return concatenate(std::move(pieces));
}

/// Makes a window the current one, giving back those before it. False if cancelled.
bool BatchStream::open_window(int64_t epoch, int64_t window) {
  while (!current_ || current_->epoch != epoch || current_->window != window) {
    close_window();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_ || !windows_.empty(); });
    if (cancelled_) return false;
    current_ = std::move(windows_.front());
    windows_.pop_front();
  }
  return true;
}

void BatchStream::close_window() {
  if (!current_) return;
  const auto units = std::move(current_->units);
  current_.reset();
  for (const int64_t unit : units) store_.unpin(loader_, unit, quota_);
  --windows_held_;  // after the units are free: the loader gives up when nothing is held and there is no room
  store_.wake();
}

const DecodedUnit* BatchStream::unit_of_window(int64_t unit) {
  auto& decoded = current_->loaded[unit];
  if (!decoded) decoded = store_.wait(loader_, unit, [this] { return cancelled_.load(); });
  return decoded.get();
}

/// False if cancelled.
bool BatchStream::push(Batch batch) {
  if (spec_.pinned) pin_memory(batch);
  const int64_t bytes = batch_bytes(batch);
  const auto fits = [this, bytes] {
    return batches_.empty() ||
           (static_cast<int64_t>(batches_.size()) < spec_.prefetch && queued_bytes_ + bytes <= spec_.queue_bytes);
  };
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_ || fits(); });
    if (cancelled_) return false;
    queued_bytes_ += bytes;
    batches_.push_back(std::move(batch));
  }
  changed_.notify_all();
  return true;
}

}  // namespace tev
