#include "engine/metrics/accuracy.hpp"

#include "base/check.hpp"
#include "tests/engine/metrics/metric_inputs.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

TEST(AccuracyMetric, IsTheWeightedShareOfRightEvents) {
  AccuracyMetric accuracy;
  accuracy.update(binary_input({0.9, 0.2, 0.7, 0.1}, {1, 0, 0, 1}, {1, 2, 4, 1}));
  EXPECT_DOUBLE_EQ(*accuracy.value().at(0).value, 3.0 / 8);
}

TEST(AccuracyMetric, TakesTheMostProbableOfManyClasses) {
  AccuracyMetric accuracy;
  const at::Tensor probabilities = at::tensor({0.2, 0.5, 0.3, 0.4, 0.3, 0.3}).view({2, 3});
  accuracy.update({probabilities, at::tensor({1, 2}, at::kLong), at::ones({2}), 0});
  EXPECT_DOUBLE_EQ(*accuracy.value().at(0).value, 0.5);
}

TEST(AccuracyMetric, MergesAndTakesEmptyBatches) {
  AccuracyMetric accuracy, other;
  accuracy.update(binary_input({0.9}, {1}));
  other.update(binary_input({0.9}, {0}, {3}));
  accuracy.merge(other);
  accuracy.update({at::empty({0, 2}), at::empty({0}, at::kLong), at::empty({0}), 0});
  EXPECT_DOUBLE_EQ(*accuracy.value().at(0).value, 0.25);
}

TEST(AccuracyMetric, RefusesNoEvents) { EXPECT_THROW(AccuracyMetric().value(), InputError); }

}  // namespace
}  // namespace tev
