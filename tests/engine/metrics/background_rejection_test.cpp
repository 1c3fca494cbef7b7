#include "engine/metrics/background_rejection.hpp"

#include "tests/engine/metrics/metric_inputs.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

RankingMetric rejection_of(const MetricInput& input, std::vector<double> working_points) {
  RankingMetric rejection = alone<BackgroundRejectionMetric>({{1, "top"}}, std::move(working_points));
  rejection.update(input);
  return rejection;
}

TEST(BackgroundRejection, TakesTheFirstCutThatReachesTheEfficiency) {
  const auto values = rejection_of(binary_input({0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2}, {1, 0, 1, 0, 1, 1, 0, 0}),
                                   {0.5, 0.51}).value();
  EXPECT_DOUBLE_EQ(*named(values, "rejection_50").value, 4);
  EXPECT_DOUBLE_EQ(*named(values, "rejection_50").cut, 0.7);
  EXPECT_DOUBLE_EQ(*named(values, "rejection_51").value, 2);
  EXPECT_DOUBLE_EQ(*named(values, "rejection_51").cut, 0.5);
}

TEST(BackgroundRejection, ErrorComesFromTheEffectiveCount) {
  const auto values = rejection_of(binary_input({0.9, 0.9, 0.9, 0.1}, {1, 0, 0, 0}, {1, 1, 3, 4}), {0.5}).value();
  const double effective_count = 16.0 / 10;
  EXPECT_DOUBLE_EQ(*values.at(0).value, 2);
  EXPECT_DOUBLE_EQ(*values.at(0).error, 2 / std::sqrt(effective_count));
}

TEST(BackgroundRejection, IsWithoutValueWhereNoBackgroundIsLeft) {
  const auto values = rejection_of(binary_input({0.9, 0.2}, {1, 0}), {0.3}).value();
  EXPECT_FALSE(values.at(0).value.has_value());
  EXPECT_FALSE(values.at(0).error.has_value());
  EXPECT_DOUBLE_EQ(*values.at(0).cut, 0.9);
}

TEST(BackgroundRejection, IsUndefinedWhereTheBackgroundThatIsLeftWeighsNothingOrLess) {
  for (const double weight : {-1.0, -3.0}) {
    const auto values = rejection_of(binary_input({0.9, 0.8, 0.8, 0.1}, {1, 0, 0, 0}, {1, 1, weight, 9}), {0.3, 1}).value();
    EXPECT_FALSE(values.at(0).value.has_value());  // only signal above 0.9
    const auto undefined = rejection_of(binary_input({0.7, 0.8, 0.8, 0.1}, {1, 0, 0, 0}, {1, 1, weight, 9}), {0.3}).value();
    EXPECT_TRUE(std::isnan(*undefined.at(0).value));
    EXPECT_FALSE(undefined.at(0).error.has_value());
  }
}

TEST(BackgroundRejection, RoundingIsNoBackground) {
  const auto values = rejection_of(binary_input({0.7, 0.8, 0.8, 0.8, 0.1}, {1, 0, 0, 0, 0}, {1, 0.1, 0.2, -0.3, 9}), {0.3}).value();
  EXPECT_TRUE(std::isnan(*values.at(0).value)) << *values.at(0).value;
}

TEST(BackgroundRejection, TiedScoresAreSelectedTogether) {
  const auto values = rejection_of(binary_input({0.5, 0.5, 0.5, 0.5}, {1, 1, 0, 0}), {0.3}).value();
  EXPECT_DOUBLE_EQ(*values.at(0).value, 1);
}

TEST(BackgroundRejection, FullEfficiencySelectsDownToTheLastSignalEvent) {
  const auto values = rejection_of(binary_input({0.9, 0.3, 0.5, 0.1}, {1, 1, 0, 0}, {0.1, 0.2, 1, 1}), {1.0}).value();
  EXPECT_DOUBLE_EQ(*values.at(0).cut, 0.3);
  EXPECT_DOUBLE_EQ(*values.at(0).value, 2);
}

TEST(BackgroundRejection, NamesWorkingPointsInPerCent) {
  EXPECT_EQ(rejection_name(0.3), "rejection_30");
  EXPECT_EQ(rejection_name(0.005), "rejection_0.5");
}

}  // namespace
}  // namespace tev
