#pragma once
// Time that is spent in passing.

#include <chrono>
#include <cstdint>

namespace tev {

/// Adds the nanoseconds of its life to a counter: an int64_t, or an atomic one.
template <class Counter>
class Stopwatch {
 public:
  explicit Stopwatch(Counter& ns) : ns_(ns), begin_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { ns_ += std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Counter& ns_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace tev
