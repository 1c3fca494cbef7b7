#include "data/stream/faults.hpp"

#include <c10/util/StringUtil.h>

#include <cmath>

namespace tev {

void Faults::add(const std::string& file, int64_t first_event, int64_t num_events, const std::string& reason) {
  int64_t units = 0, events = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!known_.emplace(file, first_event).second) return;
    num_events_ += num_events;
    units = static_cast<int64_t>(known_.size());
    events = num_events_;
  }
  messages_.warning(c10::str("data.faults: events ", first_event, " to ", first_event + num_events - 1, " of ", file, " are left out: ", reason, " (so far ", events,
                             " events in ", units, units == 1 ? " place)" : " places)"));
}

bool Faults::any() const {
  const std::lock_guard lock(mutex_);
  return !known_.empty();
}

void Faults::took(double seconds, int64_t bytes, const std::string& file) {
  if (seconds < kSlowSeconds) return;
  std::call_once(slow_, [&] {
    messages_.warning(c10::str(file, ": ", bytes, " bytes took ", std::round(10 * seconds) / 10,
                               " s to be read (its disk or the network is slow; this is said once). Copy the files to a faster disk."));
  });
}

}  // namespace tev
