#include "engine/metrics/loss.hpp"

#include "base/check.hpp"
#include "tests/engine/metrics/metric_inputs.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

MetricInput with_loss(const std::vector<double>& weight, double loss_sum) {
  MetricInput input =
      binary_input(std::vector<double>(weight.size(), 0.5), std::vector<int64_t>(weight.size(), 0), weight);
  input.loss_sum = loss_sum;
  return input;
}

TEST(LossMetric, IsTheMeanOverAllBatchesNotOfTheirMeans) {
  LossMetric loss;
  loss.update(with_loss({1, 2}, 6));
  loss.update(with_loss({1}, 2));
  EXPECT_DOUBLE_EQ(*loss.value().at(0).value, 2);
}

TEST(LossMetric, MergesWhatAnotherSaw) {
  LossMetric loss, other;
  loss.update(with_loss({1}, 5));
  other.update(with_loss({3}, 3));
  loss.merge(other);
  EXPECT_DOUBLE_EQ(*loss.value().at(0).value, 2);
}

TEST(LossMetric, RefusesEventsThatCancel) {
  LossMetric loss;
  loss.update(with_loss({1, -1}, 5));
  EXPECT_THROW(loss.value(), InputError);
}

}  // namespace
}  // namespace tev
