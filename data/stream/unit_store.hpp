#pragma once
// The one byte budget of loading: decoded units of every data set, pinned while a window needs them, kept while there is room.
//
// What is kept beyond the pins never changes a batch, only how often a unit is read.

#include "data/stream/decoded_unit.hpp"

#include <condition_variable>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tev {

/// Brings one unit into memory; called without the store's lock.
class UnitLoader {
 public:
  virtual ~UnitLoader() = default;
  /// Estimate from above of the memory that loading and holding the unit takes.
  virtual int64_t reserve_bytes(int64_t unit) const = 0;
  using Done = std::function<void(std::shared_ptr<const DecodedUnit>, std::exception_ptr)>;
  /// Starts the loading; `done` is called once, from any thread.
  virtual void load(int64_t unit, Done done) = 0;
};

/// What one stream may pin of the store's budget, and has pinned. Shares of streams that live at the same time add up to at
/// most 1, so that no stream can starve another.
struct PinQuota {
  double share = 1.0;
  std::function<std::string(const PinQuota&)> advice;  ///< the error message when what is needed at once does not fit
  int64_t pinned_bytes = 0;                            ///< kept by the store
  int64_t reserved_bytes = 0;                          ///< what loaders reserved for these units
};

class UnitStore {
 public:
  explicit UnitStore(int64_t budget_bytes) : budget_bytes_(budget_bytes) {}
  /// Waits for loads under way.
  ~UnitStore();

  int64_t budget_bytes() const { return budget_bytes_; }
  /// Leaves so much of the budget to others. Before anything is pinned.
  void set_aside(int64_t bytes) { budget_bytes_ -= bytes; }

  /// Holds a unit in memory until unpin(), starting its loading if it is not there. Blocks until it fits into the quota, or
  /// until `cancelled` (checked after each wake()).
  /// @param can_wait  false: nothing that the caller holds will be given back, so what does not fit now never will
  /// @return          false if cancelled
  /// @throws InputError  if it cannot fit
  bool pin(UnitLoader& loader, int64_t unit, PinQuota& quota, const std::function<bool()>& can_wait,
           const std::function<bool()>& cancelled);

  /// The pinned unit, once it is loaded; null if cancelled.
  /// @throws what the loading threw
  std::shared_ptr<const DecodedUnit> wait(UnitLoader& loader, int64_t unit, const std::function<bool()>& cancelled);

  void unpin(UnitLoader& loader, int64_t unit, PinQuota& quota);

  /// Lets blocked calls look at their `cancelled` again.
  void wake();

  /// Memory held or promised now.
  int64_t held_bytes() const;

 private:
  using Key = std::pair<UnitLoader*, int64_t>;
  struct Entry {
    std::shared_ptr<const DecodedUnit> unit;
    std::exception_ptr failure;
    int64_t bytes = 0, reserved = 0;
    std::vector<PinQuota*> pins;
    bool loading = true;
    std::list<Key>::iterator idle_position;  ///< valid while not pinned
  };

  bool make_room(int64_t bytes);
  void finish_loading(const Key& key, std::shared_ptr<const DecodedUnit> unit, std::exception_ptr failure);

  int64_t budget_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, Entry> entries_;
  std::list<Key> idle_;  ///< loaded and not pinned, oldest first
  int64_t held_bytes_ = 0;
  int64_t num_loading_ = 0;
};

}  // namespace tev
