#include "engine/evaluate/non_finite.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

TEST(NonFinite, NamesTheEventsWithABadNumber) {
  const at::Tensor rows = at::ones({4, 2});
  Batch batch;
  batch.sample_id = at::tensor({40, 50, 60, 70}, at::kLong);
  EXPECT_NO_THROW(check_finite_events(rows, batch, "validation: the probabilities", "Stop."));
  rows[1][0] = NAN;
  rows[3][1] = -INFINITY;
  try {
    check_finite_events(rows, batch, "validation: the probabilities", "Stop.");
    FAIL() << "nothing was thrown";
  } catch (const NonFiniteEvents& error) {
    EXPECT_STREQ(error.what(), "validation: the probabilities of 2 of 4 events are not finite, sample ids 50, 70. Stop.");
    EXPECT_EQ(error.sample_ids, (std::vector<int64_t>{50, 70}));
  }
}

TEST(NonFinite, NamesTheEventsOfBadRows) {
  const at::Tensor rows = at::ones({4, 2});
  rows[1][0] = NAN;
  rows[2][1] = NAN;
  Batch batch;
  batch.sample_id = at::tensor({40, 50, 60}, at::kLong);
  batch.label_offsets = at::tensor({0, 0, 3, 4}, at::kLong);
  try {
    check_finite_events(rows, batch, "test: the probabilities", "Stop.");
    FAIL() << "nothing was thrown";
  } catch (const NonFiniteEvents& error) {
    EXPECT_STREQ(error.what(), "test: the probabilities of 1 of 3 events are not finite, sample ids 50. Stop.");
  }
}

}  // namespace
}  // namespace tev
