#include "engine/metrics/auc.hpp"

#include "tests/engine/metrics/metric_inputs.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

TEST(AucMetric, IsOneForPerfectOrderAndHalfForTies) {
  RankingMetric perfect = alone<AucMetric>({{1, "top"}}), tied = alone<AucMetric>({{1, "top"}});
  perfect.update(binary_input({0.1, 0.8, 0.2, 0.9}, {0, 1, 0, 1}));
  tied.update(binary_input({0.4, 0.4, 0.4}, {0, 1, 0}));
  EXPECT_DOUBLE_EQ(*perfect.value().at(0).value, 1);
  EXPECT_DOUBLE_EQ(*tied.value().at(0).value, 0.5);
}

TEST(AucMetric, TakesTheChosenClassAsSignal) {
  RankingMetric auc = alone<AucMetric>({{0, "QCD"}});
  auc.update(binary_input({0.1, 0.8, 0.2, 0.9}, {0, 1, 1, 0}));
  EXPECT_DOUBLE_EQ(*auc.value().at(0).value, 0.5);
  EXPECT_EQ(auc.value().at(0).name, "auc");
}

TEST(AucMetric, GivesTheMeanAndEachOfSeveralClasses) {
  RankingMetric auc = alone<AucMetric>({{0, "a"}, {1, "b"}, {2, "c"}});
  const at::Tensor probabilities = at::tensor({0.8, 0.1, 0.1, 0.3, 0.4, 0.3, 0.2, 0.5, 0.3}).view({3, 3});
  auc.update({probabilities, at::tensor({0, 1, 2}, at::kLong), at::ones({3}), 0});
  const auto values = auc.value();
  EXPECT_DOUBLE_EQ(*named(values, "auc_a").value, 1);
  EXPECT_DOUBLE_EQ(*named(values, "auc_b").value, 0.5);
  EXPECT_DOUBLE_EQ(*named(values, "auc_c").value, 0.75);
  EXPECT_DOUBLE_EQ(*named(values, "auc").value, 0.75);
}

TEST(AucMetric, MergedPartsEqualTheWhole) {
  RankingMetric whole = alone<AucMetric>({{1, "top"}}), left = alone<AucMetric>({{1, "top"}}), right = alone<AucMetric>({{1, "top"}});
  const auto first = binary_input({0.1, 0.8, 0.4}, {0, 1, 1}, {0.1, 0.2, 0.3});
  const auto second = binary_input({0.3, 0.4}, {1, 0}, {0.7, 0.9});
  whole.update(first);
  whole.update(second);
  left.update(second);
  right.update(first);
  left.merge(right);
  EXPECT_EQ(*left.value().at(0).value, *whole.value().at(0).value);
}

}  // namespace
}  // namespace tev
