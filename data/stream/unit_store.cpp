#include "data/stream/unit_store.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace tev {

UnitStore::~UnitStore() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return num_loading_ == 0; });
}

/// Drops idle units, oldest first, until `bytes` fit; needs the lock.
bool UnitStore::make_room(int64_t bytes) {
  while (held_bytes_ + bytes > budget_bytes_ && !idle_.empty()) {
    const auto entry = entries_.find(idle_.front());
    held_bytes_ -= entry->second.bytes;
    entries_.erase(entry);
    idle_.pop_front();
  }
  return held_bytes_ + bytes <= budget_bytes_;
}

bool UnitStore::pin(UnitLoader& loader, int64_t unit, PinQuota& quota, const std::function<bool()>& can_wait,
                    const std::function<bool()>& cancelled) {
  const Key key{&loader, unit};
  const auto limit = static_cast<int64_t>(static_cast<double>(budget_bytes_) * quota.share);
  const int64_t reserve = loader.reserve_bytes(unit);
  {
    std::unique_lock lock(mutex_);
    while (true) {
      if (cancelled()) return false;
      const auto found = entries_.find(key);
      const int64_t bytes = found != entries_.end() ? found->second.bytes : reserve;
      const bool within_quota = quota.pinned_bytes + bytes <= limit;
      if (within_quota && found != entries_.end()) {
        if (found->second.pins.empty() && !found->second.loading) idle_.erase(found->second.idle_position);
        found->second.pins.push_back(&quota);
        quota.pinned_bytes += bytes;
        quota.reserved_bytes += found->second.reserved;
        return true;
      }
      if (within_quota && make_room(bytes)) break;
      // Loads under way shrink from their upper bound to what they really hold, so they are worth waiting for.
      TEV_CHECK_INPUT(within_quota || num_loading_ > 0 || can_wait(), quota.advice(quota));
      changed_.wait(lock);
    }
    held_bytes_ += reserve;
    quota.pinned_bytes += reserve;
    quota.reserved_bytes += reserve;
    Entry& entry = entries_[key];
    entry.bytes = entry.reserved = reserve;
    entry.pins = {&quota};
    ++num_loading_;
  }
  loader.load(unit, [this, key](std::shared_ptr<const DecodedUnit> loaded, std::exception_ptr failure) {
    finish_loading(key, std::move(loaded), std::move(failure));
  });
  return true;
}

void UnitStore::finish_loading(const Key& key, std::shared_ptr<const DecodedUnit> unit, std::exception_ptr failure) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(key);
  const int64_t bytes = unit ? unit->bytes() : 0;
  held_bytes_ += bytes - entry.bytes;
  for (PinQuota* quota : entry.pins) quota->pinned_bytes += bytes - entry.bytes;
  entry.bytes = bytes;
  entry.unit = std::move(unit);
  entry.failure = std::move(failure);
  entry.loading = false;
  if (entry.pins.empty()) entry.idle_position = idle_.insert(idle_.end(), key);
  --num_loading_;
  changed_.notify_all();  // under the lock: the destructor may run as soon as it is released
}

std::shared_ptr<const DecodedUnit> UnitStore::wait(UnitLoader& loader, int64_t unit, const std::function<bool()>& cancelled) {
  std::unique_lock lock(mutex_);
  const Key key{&loader, unit};
  changed_.wait(lock, [&] {
    const auto found = entries_.find(key);
    return cancelled() || (found != entries_.end() && !found->second.loading);
  });
  if (cancelled()) return nullptr;
  const Entry& entry = entries_.at(key);
  if (entry.failure) std::rethrow_exception(entry.failure);
  return entry.unit;
}

void UnitStore::unpin(UnitLoader& loader, int64_t unit, PinQuota& quota) {
  {
    std::lock_guard lock(mutex_);
    const Key key{&loader, unit};
    Entry& entry = entries_.at(key);
    const auto pin = std::find(entry.pins.begin(), entry.pins.end(), &quota);
    TEV_EXPECT(pin != entry.pins.end());
    entry.pins.erase(pin);
    quota.pinned_bytes -= entry.bytes;
    quota.reserved_bytes -= entry.reserved;
    if (entry.pins.empty() && !entry.loading) {
      if (entry.failure) {
        entries_.erase(key);  // so that a later pin tries again
      } else {
        entry.idle_position = idle_.insert(idle_.end(), key);
      }
    }
  }
  changed_.notify_all();
}

void UnitStore::wake() {
  std::lock_guard lock(mutex_);
  changed_.notify_all();
}

int64_t UnitStore::held_bytes() const {
  std::lock_guard lock(mutex_);
  return held_bytes_;
}

}  // namespace tev
