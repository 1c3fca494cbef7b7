#pragma once
// Results that no number of threads and no repetition changes.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/support/tolerance.hpp"

namespace tev::test {

/// Expects 20 runs on one, two and three threads to give the same bits.
/// @param run  () -> the results, some tensors
template <class Run>
void expect_same_for_threads(const Run& run) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto first = run();
  for (int i = 0; i < 20; ++i) {
    at::set_num_threads(1 + i % 3);
    const auto again = run();
    for (size_t k = 0; k < first.size(); ++k) EXPECT_TRUE(is_same_bits(again[k], first[k])) << "run " << i << ", tensor " << k;
  }
  at::set_num_threads(before);
}

}  // namespace tev::test
