#include "kernels/segment_reduce/segment_blocks.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "tests/kernels/segment_reduce_oracle.hpp"

namespace tev {
namespace {

using test::offsets_of;

TEST(SegmentBlocks, AreEachVisitedOnceByAnyNumberOfThreads) {
  const at::Tensor offsets = offsets_of({0, 0, 10, 11, 5, 0, 100, 1, 20, 0, 37, 0});
  const int64_t* values = offsets.const_data_ptr<int64_t>();
  const SegmentBlocks blocks(values, 12, /*block_rows=*/10);
  ASSERT_EQ(blocks.num_slots(), 2 + 10 + 2 + 4);
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 3, 5, 8}) {
    at::set_num_threads(count);
    std::vector<std::atomic<int>> row_visits(184), slot_visits(18), whole_visits(12);
    blocks.parallel_for(/*grain=*/1, [&](int64_t segment, int64_t begin, int64_t end, int64_t slot) {
      EXPECT_LE(values[segment], begin);
      EXPECT_LE(end, values[segment + 1]);
      for (int64_t row = begin; row < end; ++row) ++row_visits[row];
      ++(slot == SegmentBlocks::no_slot ? whole_visits[segment] : slot_visits[slot]);
    }, [] {});
    for (const auto& visits : row_visits) EXPECT_EQ(visits, 1);
    for (const auto& visits : slot_visits) EXPECT_EQ(visits, 1);
    for (int64_t s = 0; s < 12; ++s) EXPECT_EQ(whole_visits[s], values[s + 1] - values[s] <= 10 ? 1 : 0) << s;
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace tev
