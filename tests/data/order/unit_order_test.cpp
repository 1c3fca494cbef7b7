#include "data/order/unit_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace tev {
namespace {

TEST(UnitOrder, HoldsEveryUnitOnce) {
  for (const int64_t lanes : {1, 2, 8, 64})
    for (const int64_t windows : {1, 3, 10, 1000000000})
      for (const int64_t num_units : {0, 1, 2, 7, 63, 64, 100, 1000}) {
        std::vector<int64_t> order = stratified_unit_order(5, std::vector<int64_t>(num_units, 100), lanes, std::max<int64_t>(1, 100 * num_units / lanes / windows));
        std::sort(order.begin(), order.end());
        ASSERT_EQ(static_cast<int64_t>(order.size()), num_units);
        for (int64_t i = 0; i < num_units; ++i) ASSERT_EQ(order[i], i);
      }
}

TEST(UnitOrder, SendsEachRunOfNeighboursToDifferentWindows) {
  constexpr int64_t kLanes = 8, kWindows = 4, kUnits = 8 * 4 * 6, kPerWindow = 6;
  const std::vector<int64_t> order = stratified_unit_order(5, std::vector<int64_t>(kUnits, 100), kLanes, kPerWindow * 100);
  std::vector<std::set<int64_t>> windows_of_run(kUnits / kWindows);
  for (int64_t place = 0; place < kUnits; ++place)
    windows_of_run[order[place] / kWindows].insert(place / kPerWindow % kWindows);
  for (const auto& windows : windows_of_run) EXPECT_EQ(windows.size(), 4u);
}

// Units that do not come out even: without care, rounds and windows drift apart along the stream.
TEST(UnitOrder, KeepsEachRunInDifferentWindowsToTheEndOfTheStream) {
  constexpr int64_t kLanes = 64, kUnits = 2200, kRows = 5000, kWindowRows = 28646, kWindows = 6;
  const std::vector<int64_t> order = stratified_unit_order(5, std::vector<int64_t>(kUnits, kRows), kLanes, kWindowRows);
  std::vector<std::set<int64_t>> windows_of_run(kUnits / kWindows + 1);
  for (int64_t place = 0; place < kUnits; ++place) {
    const int64_t lane_rows = kUnits * kRows / kLanes, middle = place * kRows + kRows / 2;
    windows_of_run[order[place] / kWindows].insert(middle % lane_rows / kWindowRows);
  }
  int64_t whole = 0;
  for (const auto& windows : windows_of_run) whole += windows.size() == kWindows;
  EXPECT_GT(whole, kUnits / kWindows * 9 / 10);
}

TEST(UnitOrder, HoldsEveryUnitOnceWhateverTheirSizes) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<int64_t> rows(1 + random() % 300);
    for (int64_t& r : rows) r = 1 + random() % (random() % 20 ? 50 : 100000);
    std::vector<int64_t> order = stratified_unit_order(trial, rows, int64_t{1} << random() % 7, 1 + random() % 5000);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(order[i], static_cast<int64_t>(i));
  }
}

TEST(UnitOrder, PlacesEveryUnitEverywhereEquallyOften) {
  constexpr int64_t kUnits = 30, kKeys = 15000;
  std::vector<double> counts(kUnits * kUnits, 0);
  for (int64_t key = 0; key < kKeys; ++key) {
    const std::vector<int64_t> order = stratified_unit_order(key, std::vector<int64_t>(kUnits, 100), 4, 375);
    for (int64_t place = 0; place < kUnits; ++place) ++counts[order[place] * kUnits + place];
  }
  // Places inside a partly filled cell depend on how the last stratum falls, so frequencies are only nearly equal.
  const double expected = static_cast<double>(kKeys) / kUnits;
  for (const double count : counts) EXPECT_NEAR(count, expected, 0.5 * expected);
}

TEST(UnitOrder, DependsOnTheKey) {
  const std::vector<int64_t> rows(100, 7);
  EXPECT_EQ(stratified_unit_order(1, rows, 4, 35), stratified_unit_order(1, rows, 4, 35));
  EXPECT_NE(stratified_unit_order(1, rows, 4, 35), stratified_unit_order(2, rows, 4, 35));
}

}  // namespace
}  // namespace tev
