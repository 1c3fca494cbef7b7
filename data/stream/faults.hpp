#pragma once
// Events that cannot be read and are left out, and disks that keep everybody waiting.

#include "base/messages.hpp"

#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace tev {

/// Says of each unit once, as a warning, that it is left out, and counts. For many threads at once.
class Faults {
 public:
  explicit Faults(Messages& messages) : messages_(messages) {}

  void add(const std::string& file, int64_t first_event, int64_t num_events, const std::string& reason);

  /// Whether anything was left out.
  bool any() const;

  /// Tells of the first bytes of a unit that took longer than kSlowSeconds to be read.
  void took(double seconds, int64_t bytes, const std::string& file);
  static constexpr double kSlowSeconds = 5;

 private:
  Messages& messages_;
  mutable std::mutex mutex_;
  std::set<std::pair<std::string, int64_t>> known_;  ///< by file and first event
  int64_t num_events_ = 0;
  std::once_flag slow_;
};

}  // namespace tev
