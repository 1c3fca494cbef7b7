#include "engine/metrics/roc_curve.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tev {
namespace {

ScoredSample sample_of(const std::vector<ScoredSample::Event>& events) {
  ScoredSample sample;
  for (const auto& event : events) sample.add(event.score, event.weight, event.signal);
  return sample;
}

TEST(RocCurve, OneStepForEachDifferentScore) {
  const RocCurve curve =
      roc_curve(sample_of({{0.9, 1, true}, {0.5, 3, true}, {0.5, 1, false}, {0.1, 1, false}}), "test");
  ASSERT_EQ(curve.size(), 4u);
  EXPECT_TRUE(std::isinf(curve.cut[0]));
  EXPECT_EQ(curve.cut[2], 0.5);
  EXPECT_EQ(curve.signal_efficiency, (std::vector<double>{0, 0.25, 1, 1}));
  EXPECT_EQ(curve.background_efficiency, (std::vector<double>{0, 0, 0.5, 1}));
  EXPECT_EQ(curve.background_count, (std::vector<double>{0, 0, 1, 2}));
}

TEST(RocCurve, AreaIsTheShareOfOrderedPairs) {
  // Every pair of a signal and a background event, weighted, a tie counting one half; one weight is negative.
  const std::vector<ScoredSample::Event> events = {{0.9, 2, true},     {0.5, 1, true},   {0.5, 3, false},
                                                   {0.4, -0.5, false}, {0.4, 0.7, true}, {0.2, 1, false},
                                                   {0.9, 1, false},    {0.1, 0.3, true}};
  double pairs = 0, ordered = 0;
  for (const auto& s : events)
    for (const auto& b : events) {
      if (!s.signal || b.signal) continue;
      pairs += s.weight * b.weight;
      ordered += s.weight * b.weight * (s.score > b.score ? 1 : s.score == b.score ? 0.5 : 0);
    }
  EXPECT_NEAR(area_under(roc_curve(sample_of(events), "test")), ordered / pairs, 1e-14);
}

TEST(RocCurve, DoesNotDependOnTheOrderOfEvents) {
  std::mt19937 random(1);
  std::vector<ScoredSample::Event> events;
  for (int i = 0; i < 1000; ++i)
    events.push_back(
        {static_cast<double>(random() % 20), 0.1 * static_cast<double>(random() % 97) - 1, random() % 2 == 0});
  const double area = area_under(roc_curve(sample_of(events), "test"));
  std::shuffle(events.begin(), events.end(), random);
  EXPECT_EQ(area_under(roc_curve(sample_of(events), "test")), area);
}

TEST(RocCurve, NamesAClassWithoutWeight) {
  const ScoredSample cancelled = sample_of({{0.9, 1, true}, {0.5, 1, false}, {0.5, -1, false}});
  EXPECT_EQ(test::error_of<InputError>([&] { roc_curve(cancelled, "auc of top"); }),
            "auc of top: the weights of the background add up to 0 in 3 events (a positive total is needed). Check the "
            "selection, the label and the weights.");
  EXPECT_THROW(roc_curve(ScoredSample(), "test"), InputError);
}

TEST(ScoredSample, RefusesNaN) {
  ScoredSample sample;
  EXPECT_THROW(sample.add(NAN, 1, true), Error);
  EXPECT_THROW(sample.add(0.5, INFINITY, true), Error);
}

}  // namespace
}  // namespace tev
