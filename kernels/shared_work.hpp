#pragma once
// Work for the threads of ATen, shared out as they get it done.

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace tev {

/// Calls body(i) for each i of [0, count), once, in any order, on any thread.
///
/// at::parallel_for gives every thread an equal number. Where items differ in size, or another process has one of the cores, all wait for
/// the last thread; here a thread takes the next item when it is free.
/// @param make_body  called once a thread: makes its body, with its scratch memory
template <class MakeBody>
void share_work(int64_t count, const MakeBody& make_body) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    auto body = make_body();
    for (int64_t i = next++; i < count; i = next++) body(i);
  });
}

}  // namespace tev
