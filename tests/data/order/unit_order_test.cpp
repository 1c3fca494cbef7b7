#include "data/order/unit_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tev {
namespace {

TEST(UnitOrder, HoldsEveryUnitOnce) {
  for (const int64_t lanes : {1, 2, 8, 64})
    for (const int64_t windows : {1, 3, 10, 1000000000})
      for (const int64_t num_units : {0, 1, 2, 7, 63, 64, 100, 1000}) {
        std::vector<int64_t> order = stratified_unit_order(5, num_units, lanes, windows);
        std::sort(order.begin(), order.end());
        ASSERT_EQ(static_cast<int64_t>(order.size()), num_units);
        for (int64_t i = 0; i < num_units; ++i) ASSERT_EQ(order[i], i);
      }
}

TEST(UnitOrder, SendsEachRunOfNeighboursToDifferentWindows) {
  constexpr int64_t kLanes = 8, kWindows = 4, kUnits = 8 * 4 * 6, kPerWindow = 6;
  const std::vector<int64_t> order = stratified_unit_order(5, kUnits, kLanes, kWindows);
  std::vector<std::set<int64_t>> windows_of_run(kUnits / kWindows);
  for (int64_t place = 0; place < kUnits; ++place)
    windows_of_run[order[place] / kWindows].insert(place / kPerWindow % kWindows);
  for (const auto& windows : windows_of_run) EXPECT_EQ(windows.size(), 4u);
}

TEST(UnitOrder, PlacesEveryUnitEverywhereEquallyOften) {
  constexpr int64_t kUnits = 30, kKeys = 15000;
  std::vector<double> counts(kUnits * kUnits, 0);
  for (int64_t key = 0; key < kKeys; ++key) {
    const std::vector<int64_t> order = stratified_unit_order(key, kUnits, 4, 2);
    for (int64_t place = 0; place < kUnits; ++place) ++counts[order[place] * kUnits + place];
  }
  // Places inside a partly filled cell depend on how the last stratum falls, so frequencies are only nearly equal.
  const double expected = static_cast<double>(kKeys) / kUnits;
  for (const double count : counts) EXPECT_NEAR(count, expected, 0.5 * expected);
}

TEST(UnitOrder, DependsOnTheKey) {
  EXPECT_EQ(stratified_unit_order(1, 100, 4, 5), stratified_unit_order(1, 100, 4, 5));
  EXPECT_NE(stratified_unit_order(1, 100, 4, 5), stratified_unit_order(2, 100, 4, 5));
}

}  // namespace
}  // namespace tev
