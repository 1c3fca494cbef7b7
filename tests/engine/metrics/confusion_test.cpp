#include "engine/metrics/confusion.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace tev {
namespace {

MetricInput rows(const std::vector<int64_t>& found, const std::vector<int64_t>& truth, const std::vector<float>& weight) {
  return {at::one_hot(at::tensor(found, at::kLong), 3).to(at::kFloat), at::tensor(truth, at::kLong), at::tensor(weight), 0};
}

std::map<std::string, double> values_of(const ConfusionMetric& metric) {
  std::map<std::string, double> values;
  for (const auto& value : metric.value()) values[value.name] = *value.value;
  return values;
}

TEST(ConfusionMetric, GivesIouEfficiencyAndPurityOfWeightedRows) {
  ConfusionMetric metric({"shower", "track", "michel"});
  metric.update(rows({0, 0, 1, 1}, {0, 1, 1, 0}, {2, 1, 3, 4}));
  const auto values = values_of(metric);
  EXPECT_DOUBLE_EQ(values.at("iou_shower"), 2.0 / 7);         // 2 of both; 6 are showers, 3 were found
  EXPECT_DOUBLE_EQ(values.at("efficiency_shower"), 2.0 / 6);
  EXPECT_DOUBLE_EQ(values.at("purity_shower"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(values.at("iou_track"), 3.0 / 8);
  EXPECT_DOUBLE_EQ(values.at("efficiency_track"), 3.0 / 4);
  EXPECT_DOUBLE_EQ(values.at("purity_track"), 3.0 / 7);
  EXPECT_TRUE(std::isnan(values.at("iou_michel")) && std::isnan(values.at("efficiency_michel")) && std::isnan(values.at("purity_michel")));
  EXPECT_DOUBLE_EQ(values.at("mean_iou"), (2.0 / 7 + 3.0 / 8) / 2);  // of the classes that are there
}

TEST(ConfusionMetric, CountsAClassThatIsFoundWhereItIsNot) {
  ConfusionMetric metric({"shower", "track", "michel"});
  metric.update(rows({0, 2}, {0, 0}, {1, 1}));
  const auto values = values_of(metric);
  EXPECT_EQ(values.at("iou_michel"), 0);
  EXPECT_DOUBLE_EQ(values.at("mean_iou"), (0.5 + 0) / 2);
}

TEST(ConfusionMetric, IsTheSameHoweverRowsAreDivided) {
  ConfusionMetric whole({"shower", "track", "michel"}), first({"shower", "track", "michel"}), second({"shower", "track", "michel"});
  whole.update(rows({0, 1, 2, 2}, {0, 2, 2, 1}, {1, 2, 3, 4}));
  first.update(rows({0}, {0}, {1}));
  second.update(rows({1, 2, 2}, {2, 2, 1}, {2, 3, 4}));
  second.update({at::empty({0, 3}), at::empty({0}, at::kLong), at::empty({0}), 0});
  first.merge(second);
  EXPECT_EQ(values_of(whole), values_of(first));
}

}  // namespace
}  // namespace tev
