#include "engine/metrics/metric_set.hpp"

#include "base/check.hpp"
#include "tests/engine/metrics/metric_inputs.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

const DataSpec two_classes{{}, {"QCD", "top"}};
const DataSpec three_classes{{}, {"b", "c", "light"}};

std::vector<std::string> names_of(const std::vector<MetricValue>& values) {
  std::vector<std::string> names;
  for (const auto& value : values) names.push_back(value.name);
  return names;
}

TEST(MetricSet, GivesEveryMetricInOrder) {
  MetricSet metrics({}, two_classes);
  metrics.update(binary_input({0.9, 0.8, 0.4, 0.1}, {1, 0, 1, 0}));
  EXPECT_EQ(names_of(metrics.values("test")),
            (std::vector<std::string>{"loss", "accuracy", "auc", "rejection_30", "rejection_50"}));
}

TEST(MetricSet, CountsRowsInsteadOfRankingThem) {
  MetricSet metrics({}, DataSpec{{}, {"QCD", "top"}, "part"});
  metrics.update(binary_input({0.9, 0.8, 0.4, 0.1}, {1, 0, 1, 0}));
  EXPECT_EQ(names_of(metrics.values("test")), (std::vector<std::string>{"loss", "accuracy", "mean_iou", "iou_QCD", "iou_top", "efficiency_QCD",
                                                                         "efficiency_top", "purity_QCD", "purity_top"}));
}

TEST(MetricSet, TheLastOfTwoClassesIsTheSignal) {
  EXPECT_EQ(signal_classes({}, two_classes).at(0).name, "top");
  EXPECT_EQ(signal_classes({}, three_classes).size(), 3u);
  MetricsConfig config;
  config.signal = "b";
  EXPECT_EQ(signal_classes(config, three_classes).at(0).index, 0);
}

TEST(MetricSet, NamesAMisspeltSignal) {
  MetricsConfig config;
  config.signal = "tpo";
  EXPECT_EQ(test::error_of<InputError>([&] { MetricSet(config, two_classes); })
                .find("metrics.signal: 'tpo' is not a class (data.label.classes: QCD, top)."),
            0u);
}

TEST(MetricSet, RefusesAnImpossibleWorkingPoint) {
  MetricsConfig config;
  config.working_points = {1.5};
  EXPECT_THROW(MetricSet(config, two_classes), InputError);
}

TEST(MetricSet, PartsMergedInAnyOrderGiveTheSameRankings) {
  const auto first = binary_input({0.9, 0.8, 0.4}, {1, 0, 1}, {0.1, 0.2, 0.3});
  const auto second = binary_input({0.8, 0.1}, {1, 0}, {0.6, 0.7});
  MetricSet whole({}, two_classes), left({}, two_classes), right({}, two_classes);
  whole.update(first);
  whole.update(second);
  left.update(second);
  right.update(first);
  left.merge(right);
  const auto expected = whole.values("test"), merged = left.values("test");
  for (size_t i = 2; i < expected.size(); ++i) EXPECT_EQ(*merged[i].value, *expected[i].value) << expected[i].name;
}

TEST(MetricSet, RefusesShapesAndNaN) {
  MetricSet metrics({}, two_classes);
  EXPECT_THROW(metrics.update({at::zeros({2, 3}), at::zeros({2}, at::kLong), at::ones({2}), 0}), Error);
  EXPECT_THROW(metrics.update(binary_input({NAN}, {1})), Error);
}

}  // namespace
}  // namespace tev
