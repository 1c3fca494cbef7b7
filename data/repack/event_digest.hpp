#pragma once
// A number that two sets of events share when they hold the same events, in whatever order.

#include "base/batch.hpp"

#include <cstdint>
#include <vector>

namespace tev {

/// Sum over events, modulo 2^128, of the XXH3 hash of their values: equal for equal events in any order, and for different ones with a
/// probability of about 2^-128. Which event is missing it does not tell.
class EventDigest {
 public:
  /// @param columns  in the order of their names; each event's rows, and how many, enter
  void add(const Columns& columns);

  int64_t num_events() const { return num_events_; }
  bool operator==(const EventDigest&) const = default;

 private:
  int64_t num_events_ = 0;
  uint64_t low_ = 0, high_ = 0;
};

}  // namespace tev
