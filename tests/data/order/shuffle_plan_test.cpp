#include "data/order/shuffle_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>

#include "base/check.hpp"
#include "data/order/epoch_order.hpp"

namespace tev {
namespace {

using Units = std::vector<int64_t>;

constexpr int64_t kRows = 262144;

// Spread of the fraction of class 1 over whole batches of a few epochs, relative to a perfect shuffle, when unit u is
// of class is_one[u].
double measured_spread(const Units& units, const std::vector<char>& is_one, const ShuffleSpec& spec,
                       int64_t batch_size, int64_t epochs, uint64_t seed = 11) {
  const auto rows = std::make_shared<const Units>(units);
  double N = 0, ones = 0;
  for (size_t u = 0; u < units.size(); ++u) N += units[u], ones += is_one[u] ? units[u] : 0;
  const double p = ones / N, B = static_cast<double>(batch_size);
  double squares = 0, batches = 0;
  std::vector<Placement> batch;
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    const EpochOrder order({seed, rows, spec.lanes, spec.window_rows, batch_size}, epoch);
    for (int64_t step = 0; step < order.num_samples() / batch_size; ++step, ++batches) {
      order.batch(step, 0, 1, batch);
      double count = 0;
      for (const Placement& placement : batch) count += is_one[placement.unit];
      squares += (count / B - p) * (count / B - p);
    }
  }
  return std::sqrt(squares / batches / (p * (1 - p) / B * (N - B) / (N - 1)));
}

std::vector<char> sorted_by_class(size_t num_units) {
  std::vector<char> is_one(num_units, 0);
  std::fill(is_one.begin() + num_units / 2, is_one.end(), 1);
  return is_one;
}

std::vector<char> in_no_order(size_t num_units, uint64_t seed) {
  std::vector<char> is_one = sorted_by_class(num_units);
  std::shuffle(is_one.begin(), is_one.end(), std::mt19937_64(seed));
  return is_one;
}

TEST(PlanShuffle, CutsAsManyLanesAsWindowsHoldAUnit) {
  const ShuffleSpec spec = plan_shuffle(Units(4096, 256), kRows);
  EXPECT_EQ(spec.num_rows, 1048576);
  EXPECT_EQ(spec.num_units, 4096);
  EXPECT_EQ(spec.lanes, 64);
  EXPECT_EQ(spec.window_rows, 4096);
  EXPECT_EQ(spec.num_windows, 4);
  EXPECT_EQ(plan_shuffle(Units(4096, 256), 64 * 256).lanes, 64);
  EXPECT_EQ(plan_shuffle(Units(4096, 256), 64 * 256 - 64).lanes, 32);
  EXPECT_EQ(plan_shuffle(Units(4096, 256), 100).lanes, 1);
}

TEST(PlanShuffle, GivesEachLaneASingleWindowWhenEverythingIsShuffled) {
  for (const int64_t shuffle_rows : {10000, 1000000}) {
    const ShuffleSpec spec = plan_shuffle(Units(100, 100), shuffle_rows);
    EXPECT_EQ(spec.num_windows, 1);
    EXPECT_EQ(spec.lanes, 64);
    EXPECT_EQ(spec.window_rows, 157);
  }
}

TEST(PlanShuffle, CutsEqualWindows) {
  const ShuffleSpec spec = plan_shuffle(Units(3000, 100), kRows);
  EXPECT_EQ(spec.num_windows, 2);
  EXPECT_EQ(spec.window_rows, 2344);  // half of 4,688, not 4,096 and 592
}

TEST(PlanShuffle, KeepsItsPromisesForAnyCatalog) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 2000; ++trial) {
    Units units(random() % 200);
    for (int64_t& rows : units) rows = random() % 3 ? random() % 500 : 0;
    const int64_t N = std::accumulate(units.begin(), units.end(), int64_t{0});
    const int64_t shuffle_rows = 1 + random() % 20000;
    const ShuffleSpec spec = plan_shuffle(units, shuffle_rows);
    ASSERT_EQ(spec.num_rows, N);
    ASSERT_TRUE(spec.lanes >= 1 && spec.lanes <= 64 && (spec.lanes & (spec.lanes - 1)) == 0);
    ASSERT_TRUE(spec.lanes <= std::max<int64_t>(1, N));
    ASSERT_LT(spec.lanes * spec.window_rows, shuffle_rows + 2 * spec.lanes);
    if (N == 0) continue;
    const int64_t longest_lane = (N + spec.lanes - 1) / spec.lanes;
    ASSERT_EQ(spec.num_windows, (longest_lane + spec.window_rows - 1) / spec.window_rows);
    ASSERT_TRUE(spec.lanes == 1 || spec.window_rows * spec.num_units >= N);
    ASSERT_TRUE(shuffle_rows < N || spec.num_windows == 1);
  }
}

TEST(PlanShuffle, AcceptsNothingAndRefusesNegativeNumbers) {
  EXPECT_EQ(plan_shuffle({}, 1).num_windows, 0);
  EXPECT_EQ(plan_shuffle({0, 0}, 1).lanes, 1);
  EXPECT_EQ(plan_shuffle({1}, 1).window_rows, 1);
  EXPECT_THROW(plan_shuffle({1}, -1), InputError);
  EXPECT_THROW(plan_shuffle({1}, 0), InputError);
  EXPECT_THROW(plan_shuffle({-1}, 1), InputError);
}

// Root mean square over arrangements of units that hold one class each, in no order.
double mean_spread(const Units& units, const ShuffleSpec& spec, int64_t batch_size) {
  constexpr int kArrangements = 12;
  double squares = 0;
  for (int seed = 0; seed < kArrangements; ++seed)
    squares += std::pow(measured_spread(units, in_no_order(units.size(), seed), spec, batch_size, 1), 2);
  return std::sqrt(squares / kArrangements);
}

TEST(PredictedSpread, AgreesWithSimulationWhenPureUnitsAreInNoOrder) {
  struct Case {
    int64_t units, rows, shuffle_rows, batch_size;
  };
  const std::vector<Case> cases = {{1024, 64, 64 * 64, 256}, {1024, 64, 256 * 64, 256}, {1024, 64, 16 * 64, 1024},
                                   {1024, 64, 64, 256},      {1024, 64, 65536, 256},    {1024, 64, 512 * 64, 16},
                                   {1000, 20, 20000, 500},   {2000, 100, 50000, 300}};
  for (const Case& c : cases) {
    const Units units(c.units, c.rows);
    const ShuffleSpec spec = plan_shuffle(units, c.shuffle_rows);
    const double measured = mean_spread(units, spec, c.batch_size), predicted = predicted_spread(spec, c.batch_size);
    EXPECT_NEAR(measured / predicted, 1, 0.1) << "shuffle_rows " << c.shuffle_rows << " batch " << c.batch_size
                                              << " measured " << measured << " predicted " << predicted;
  }
}

TEST(PredictedSpread, IsAnUpperEstimateForWindowsThatCutUnits) {
  std::mt19937_64 random(3);
  Units ragged(1500);
  for (int64_t& rows : ragged) rows = 1 + random() % 400;
  for (const auto& [units, shuffle_rows] : {std::pair{Units(200, 100), 1000}, {ragged, 100000}, {ragged, 15000}}) {
    const ShuffleSpec spec = plan_shuffle(units, shuffle_rows);
    const double measured = mean_spread(units, spec, 500), predicted = predicted_spread(spec, 500);
    EXPECT_LT(measured, 1.1 * predicted) << shuffle_rows;
    EXPECT_GT(measured, 0.75 * predicted) << shuffle_rows;
  }
}

TEST(PredictedSpread, HasTheRightLimits) {
  const Units units(4096, 256);
  EXPECT_NEAR(predicted_spread(plan_shuffle(units, 256), 1024), 16, 0.1);  // four pure units a batch
  EXPECT_NEAR(predicted_spread(plan_shuffle(units, 64 * 256), 1024), 4.0, 0.1);
  EXPECT_NEAR(predicted_spread(plan_shuffle(units, kRows), 1024), 1.30, 0.01);
  EXPECT_LE(predicted_spread(plan_shuffle(units, 1 << 20), 1024), 1);
  EXPECT_EQ(predicted_spread(plan_shuffle({500}, kRows), 100), 1);
  EXPECT_NEAR(predicted_spread(plan_shuffle({3000000}, 500000), 1000), 31.6, 0.1);  // a sorted file in one chunk
  EXPECT_EQ(predicted_spread(plan_shuffle(units, kRows), 1 << 20), 1);
  EXPECT_THROW(predicted_spread(plan_shuffle(units, kRows), 0), InputError);
}

TEST(Shuffle, MixesAFileSortedByClassLikeAPerfectShuffle) {
  const Units units(4096, 256);
  for (const int64_t shuffle_rows : {kRows, int64_t{256 * 256}, int64_t{64 * 256}})
    EXPECT_LE(measured_spread(units, sorted_by_class(4096), plan_shuffle(units, shuffle_rows), 1024, 2), 1.25)
        << shuffle_rows;
}

TEST(Shuffle, MixesASortedFileOfAnyEventSizeByDefault) {
  for (const int64_t event_bytes : {112, 400, 2000}) {  // in units of 512 KiB
    const Units units(1500, (512 << 10) / event_bytes);
    const ShuffleSpec spec = plan_shuffle(units, choose_shuffle_rows(0, units, event_bytes));
    EXPECT_GT(spec.num_windows, 1);
    EXPECT_LE(measured_spread(units, sorted_by_class(units.size()), spec, 1024, 2), 1.25) << event_bytes;
  }
}

TEST(Shuffle, MixesASortedFileOfAnyChunksByDefault) {
  struct Case {
    int64_t num_rows, unit_rows, event_bytes;
  };
  for (const auto& [num_rows, unit_rows, event_bytes] : {Case{11000000, 5000, 112}, {11000000, 42969, 112}, {20000000, 131072, 5}, {5000000, 10000, 1000}, {1024000, 700, 400}}) {
    Units units(num_rows / unit_rows, unit_rows);
    units.push_back(num_rows % unit_rows);
    const ShuffleSpec spec = plan_shuffle(units, choose_shuffle_rows(0, units, event_bytes));
    double squares = 0;
    for (const uint64_t seed : {1, 2, 3}) squares += std::pow(measured_spread(units, sorted_by_class(units.size()), spec, 1000, 1, seed), 2);
    EXPECT_LE(std::sqrt(squares / 3), 1.25) << num_rows << " in units of " << unit_rows;
  }
}

TEST(ChooseShuffleRows, TakesMoreForSmallEventsAndLargeUnits) {
  const Units small(100, 100);
  EXPECT_EQ(choose_shuffle_rows(0, small, 3216), 262144);
  EXPECT_EQ(choose_shuffle_rows(0, small, 112), 1864135);
  EXPECT_EQ(choose_shuffle_rows(0, {}, 112), 1864135);
  EXPECT_EQ(choose_shuffle_rows(50, small, 112), 50);
  EXPECT_EQ(choose_shuffle_rows(0, Units(500, 20000), 112), 256 * 20000);
  EXPECT_EQ(choose_shuffle_rows(0, Units(256, 1000000), 112), (int64_t{1} << 30) / 144);
}

TEST(Shuffle, MixesASortedFileNoWorseThanPredicted) {
  std::mt19937_64 random(2);
  Units units(1500);
  for (int64_t& rows : units) rows = 1 + random() % 400;
  const ShuffleSpec spec = plan_shuffle(units, 100000);
  EXPECT_GT(spec.num_windows, 1);
  EXPECT_LE(measured_spread(units, sorted_by_class(units.size()), spec, 500, 10), 1.1 * predicted_spread(spec, 500));
}

TEST(Shuffle, MixesASortedFileOfNearlyEqualUnits) {
  Units units(4001, 256);
  for (size_t unit = 0; unit < units.size(); unit += 10) units[unit] = 205;  // the ends of files, the parts of a split
  EXPECT_LE(measured_spread(units, sorted_by_class(units.size()), plan_shuffle(units, kRows), 1024, 10), 1.25);
}

}  // namespace
}  // namespace tev
