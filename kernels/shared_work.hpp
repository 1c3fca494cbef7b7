#pragma once
// Work for the threads of ATen, shared out as they get it done.

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

namespace tev {

/// Calls body(i) for each i of [0, count), once, on any thread; all are begun in order.
///
/// at::parallel_for gives every thread an equal number. Where items differ in size, or another process has one of the cores, all wait for
/// the last thread; here a thread takes the next item when it is free.
/// @param make_body  called once a thread: makes its body, with its scratch memory
/// @throws           what the body threw for the least i, for any number of threads; the rest is not begun then
template <class MakeBody>
void share_work(int64_t count, const MakeBody& make_body) {
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  int64_t failed = count;
  std::exception_ptr error;
  at::parallel_for(0, std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    auto body = make_body();
    for (int64_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        next = count;
        if (i < failed) error = std::current_exception();
        failed = std::min(failed, i);
      }
    }
  });
  if (error) std::rethrow_exception(error);
}

}  // namespace tev
