#include "data/order/split.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>

#include "base/check.hpp"

namespace tev {
namespace {

constexpr Split kSplits[] = {Split::train, Split::val, Split::test};

std::vector<int64_t> ragged_units(std::mt19937_64& random) {
  std::vector<int64_t> units(random() % 60);
  const int64_t largest = int64_t{1} << (random() % 8);
  for (int64_t& rows : units) rows = random() % 4 ? random() % (largest + 1) : 0;
  return units;
}

TEST(Split, GivesEveryRowToAtMostOneSplit) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 500; ++trial) {
    const std::vector<int64_t> units = ragged_units(random);
    const double a = random() % 101, b = random() % (101 - static_cast<int>(a));
    const bool all = trial % 2;
    const SplitView view(trial, {a / 100, b / 100, all ? (100 - a - b) / 100 : 0}, units);
    for (size_t unit = 0; unit < units.size(); ++unit) {
      std::set<int64_t> rows;
      int64_t count = 0;
      for (const Split split : kSplits) {
        const int64_t in_split = view.rows_in(split, unit);
        ASSERT_GE(in_split, 0);
        ASSERT_EQ((*view.unit_rows(split))[unit], in_split);
        for (int64_t k = 0; k < in_split; ++k) {
          const int64_t row = view.row(split, unit, k);
          ASSERT_TRUE(row >= 0 && row < units[unit]);
          rows.insert(row);
        }
        count += in_split;
      }
      ASSERT_EQ(static_cast<int64_t>(rows.size()), count);
      ASSERT_LE(count, units[unit]);
      ASSERT_TRUE(!all || count == units[unit]);
    }
  }
}

TEST(Split, HasExactTotals) {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < 300; ++trial) {
    const std::vector<int64_t> units = ragged_units(random);
    const int64_t N = std::accumulate(units.begin(), units.end(), int64_t{0});
    const double a = random() % 101, b = random() % (101 - static_cast<int>(a));
    const SplitShares shares{a / 100, b / 100, (100 - a - b) / 100};
    const SplitView view(1, shares, units);
    int64_t together = 0;
    for (const Split split : kSplits) {
      const auto rows = view.unit_rows(split);
      const int64_t total = std::accumulate(rows->begin(), rows->end(), int64_t{0});
      ASSERT_EQ(total, view.num_rows(split));
      together += total;
    }
    ASSERT_EQ(together, N);
    ASSERT_NEAR(view.num_rows(Split::train), shares.train * N, 2);
    ASSERT_NEAR(view.num_rows(Split::val), shares.val * N, 2);
    ASSERT_NEAR(view.num_rows(Split::test), shares.test * N, 2);
  }
  const SplitView view(1, {.8, .1, .1}, std::vector<int64_t>(60, 1000));
  EXPECT_EQ(view.num_rows(Split::train), 48000);
  EXPECT_EQ(view.num_rows(Split::val), 6000);
  EXPECT_EQ(view.num_rows(Split::test), 6000);
  EXPECT_EQ(view.rows_in(Split::val, 17), 100);
}

TEST(Split, CutsAFileSortedByClassEvenly) {
  const std::vector<int64_t> units(100, 333);  // the first half is of one class, the second of the other
  const SplitView view(1, {.6, .3, .05}, units);
  for (const Split split : kSplits) {
    const auto rows = view.unit_rows(split);
    const int64_t first = std::accumulate(rows->begin(), rows->begin() + 50, int64_t{0});
    EXPECT_NEAR(first, view.num_rows(split) / 2.0, 2);
  }
}

TEST(Split, PicksRowsAtRandomInsideAUnit) {
  const SplitView view(1, {.5, .5, 0}, {1000});
  double mean = 0;
  for (int64_t k = 0; k < 500; ++k) mean += view.row(Split::train, 0, k) / 500.0;
  EXPECT_NEAR(mean, 499.5, 5 * 1000 / std::sqrt(12.0 * 500));
  const SplitView other(2, {.5, .5, 0}, {1000});
  int equal = 0;
  for (int64_t k = 0; k < 500; ++k) equal += view.row(Split::train, 0, k) == other.row(Split::train, 0, k);
  EXPECT_LT(equal, 10);
}

TEST(Split, TakesThirds) {
  const double third = 1.0 / 3;
  const SplitView view(1, {third, third, third}, {3});
  for (const Split split : kSplits) EXPECT_EQ(view.num_rows(split), 1);
}

TEST(Split, DoesNotOverflow) {
  const SplitView view(1, {.8, .1, .1}, {int64_t{1} << 61, int64_t{1} << 61});
  EXPECT_NEAR(static_cast<double>(view.num_rows(Split::train)) / std::pow(2.0, 62), .8, 1e-9);
  const int64_t row = view.row(Split::test, 1, view.rows_in(Split::test, 1) - 1);
  EXPECT_TRUE(row >= 0 && row < int64_t{1} << 61);
}

TEST(Split, RefusesImpossibleShares) {
  EXPECT_THROW(SplitView(1, {.8, .2, .1}, {10}), InputError);
  EXPECT_THROW(SplitView(1, {-.1, .2, .1}, {10}), InputError);
  EXPECT_THROW(SplitView(1, {1.5, 0, 0}, {10}), InputError);
  EXPECT_THROW(SplitView(1, {std::numeric_limits<double>::quiet_NaN(), 0, 0}, {10}), InputError);
  EXPECT_THROW(SplitView(1, {.5, 0, 0}, {-1}), InputError);
  EXPECT_NO_THROW(SplitView(1, {.7, .2, .1}, {10}));
}

}  // namespace
}  // namespace tev
