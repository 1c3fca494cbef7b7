#include "data/order/epoch_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>
#include <set>
#include <string>

#include "base/check.hpp"
#include "data/order/shuffle_plan.hpp"
#include "tests/support/error_of.hpp"

namespace tev {
namespace {

using Units = std::vector<int64_t>;
using Pair = std::pair<int64_t, int64_t>;

std::vector<Pair> pairs(const std::vector<Placement>& placements) {
  std::vector<Pair> result;
  for (const Placement& p : placements) result.emplace_back(p.unit, p.row);
  return result;
}

std::vector<Pair> sorted_pairs(const std::vector<Placement>& placements) {
  std::vector<Pair> result = pairs(placements);
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<Pair> all_samples(const Units& units) {
  std::vector<Pair> result;
  for (size_t unit = 0; unit < units.size(); ++unit)
    for (int64_t row = 0; row < units[unit]; ++row) result.emplace_back(unit, row);
  return result;
}

std::vector<Placement> walk(const EpochOrder& order) {
  std::vector<Placement> all, batch;
  for (int64_t step = 0; step < order.num_steps(); ++step) {
    order.batch(step, 0, 1, batch);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

/// First and last round of windows that a step draws from.
Pair windows_of_step(const EpochOrder& order, int64_t step) {
  const auto [first, last] = order.positions(step);
  return {order.window_of_position(first), order.window_of_position(last - 1)};
}

// Ragged units, some empty, some catalogs smaller than the number of lanes.
OrderSpec random_spec(std::mt19937_64& random) {
  Units units(random() % 40);
  const int64_t largest = int64_t{1} << (random() % 8);
  for (int64_t& rows : units) rows = random() % 4 ? random() % (largest + 1) : 0;
  const int64_t N = std::accumulate(units.begin(), units.end(), int64_t{0});
  OrderSpec spec;
  spec.seed = random();
  spec.unit_rows = std::make_shared<const Units>(units);
  spec.lanes = int64_t{1} << (random() % 7);
  spec.window_rows = 1 + random() % (random() % 2 ? 10 : N + 10);
  spec.batch_size = 1 + random() % (random() % 2 ? 50 : N + 50);
  return spec;
}

TEST(EpochOrder, HasEverySampleOnceAndOnlyTheLastBatchShorter) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 400; ++trial) {
    const OrderSpec spec = random_spec(random);
    const EpochOrder order(spec, trial);
    std::vector<Placement> all, batch;
    for (int64_t step = 0; step < order.num_steps(); ++step) {
      order.batch(step, 0, 1, batch);
      const int64_t left = order.num_samples() - step * spec.batch_size;
      ASSERT_EQ(static_cast<int64_t>(batch.size()), std::min(spec.batch_size, left));
      all.insert(all.end(), batch.begin(), batch.end());
    }
    ASSERT_EQ(sorted_pairs(all), all_samples(*spec.unit_rows));
  }
}

TEST(EpochOrder, AnswersAtAnyPositionWhatTheWalkPasses) {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < 200; ++trial) {
    const EpochOrder order(random_spec(random), trial);
    const std::vector<Placement> all = walk(order);
    for (int64_t position = 0; position < order.num_samples(); ++position)
      ASSERT_EQ(order.at(position), all[position]);
  }
}

TEST(EpochOrder, FollowsTheDefinitionOfLanes) {
  // Natural order shows the lanes: 11 samples, 4 lanes of [0,2) [2,5) [5,8) [8,11).
  const EpochOrder order = EpochOrder::sequential(std::make_shared<const Units>(Units{11}), 100, 2, 4);
  const std::vector<int64_t> expected = {0, 2, 5, 8, 1, 3, 6, 9, 4, 7, 10};
  for (size_t position = 0; position < expected.size(); ++position)
    EXPECT_EQ(order.at(position).row, expected[position]);
  std::vector<Placement> batch;
  order.batch(0, 1, 2, batch);  // lanes 1 and 3
  EXPECT_EQ(pairs(batch), (std::vector<Pair>{{0, 2}, {0, 8}, {0, 3}, {0, 9}, {0, 4}, {0, 10}}));
}

TEST(EpochOrder, FillsABatchAlikeForAnyNumberOfRanks) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 150; ++trial) {
    const OrderSpec spec = random_spec(random);
    const EpochOrder order(spec, 0);
    std::vector<Placement> whole, part;
    for (int64_t step = 0; step < order.num_steps(); step += 1 + random() % 3) {
      order.batch(step, 0, 1, whole);
      for (int64_t world = 1; world <= spec.lanes; world *= 2) {
        std::vector<Placement> together;
        for (int64_t rank = 0; rank < world; ++rank) {
          order.batch(step, rank, world, part);
          together.insert(together.end(), part.begin(), part.end());
        }
        ASSERT_EQ(sorted_pairs(together), sorted_pairs(whole));  // equal as multisets: disjoint as well
      }
    }
  }
}

TEST(EpochOrder, NamesTheNumbersOfRanksThatWork) {
  EXPECT_NO_THROW(check_ranks(16, 4));
  for (const int64_t world : {0, 3, 32}) EXPECT_THROW(check_ranks(16, world), InputError);
  const EpochOrder order({1, std::make_shared<const Units>(Units(100, 10)), 8, 10, 10}, 0);
  std::vector<Placement> batch;
  const std::string error = test::error_of<InputError>([&] { order.batch(0, 0, 3, batch); });
  EXPECT_NE(error.find("3 ranks cannot share 8 lanes"), std::string::npos) << error;
  EXPECT_NE(error.find("1, 2, 4, 8)"), std::string::npos) << error;
}

TEST(EpochOrder, IsAPureFunctionOfSeedAndEpoch) {
  OrderSpec spec{1, std::make_shared<const Units>(Units(100, 10)), 8, 50, 64};
  const auto first = pairs(walk(EpochOrder(spec, 0)));
  EXPECT_EQ(pairs(walk(EpochOrder(spec, 0))), first);
  EXPECT_NE(pairs(walk(EpochOrder(spec, 1))), first);
  spec.batch_size = 10;  // the stream does not depend on the batch size
  EXPECT_EQ(pairs(walk(EpochOrder(spec, 0))), first);
  spec.seed = 2;
  EXPECT_NE(pairs(walk(EpochOrder(spec, 0))), first);
}

TEST(EpochOrder, ShufflesInsideWindows) {
  // One unit, one lane: the windows are the only shuffle.
  const EpochOrder order({1, std::make_shared<const Units>(Units{1000}), 1, 100, 100}, 0);
  std::vector<Placement> batch;
  for (int64_t step = 0; step < 10; ++step) {
    order.batch(step, 0, 1, batch);
    std::vector<int64_t> rows, natural(100);
    for (const Placement& placement : batch) rows.push_back(placement.row);
    std::iota(natural.begin(), natural.end(), step * 100);
    EXPECT_NE(rows, natural);
    std::sort(rows.begin(), rows.end());
    EXPECT_EQ(rows, natural);
  }
}

TEST(EpochOrder, ShufflesEachWindowInItsOwnWay) {
  const auto orders_of_windows = [](uint64_t seed, int64_t epoch) {
    // One unit, two lanes of two windows of 50 rows.
    const EpochOrder order({seed, std::make_shared<const Units>(Units{200}), 2, 50, 1}, epoch);
    std::vector<Units> result(4);
    for (int64_t position = 0; position < 200; ++position) {
      const int64_t row = order.at(position).row;
      result[row / 50].push_back(row % 50);
    }
    return result;
  };
  std::set<Units> seen;
  for (const uint64_t seed : {1, 2})
    for (const int64_t epoch : {0, 1})
      for (const Units& window : orders_of_windows(seed, epoch)) seen.insert(window);
  EXPECT_EQ(seen.size(), 16u);
}

TEST(EpochOrder, DrawsABatchOnlyFromTheUnitsOfItsWindows) {
  std::mt19937_64 random(4);
  for (int trial = 0; trial < 200; ++trial) {
    const OrderSpec spec = random_spec(random);
    const EpochOrder order(spec, trial);
    const int64_t world = int64_t{1} << (random() % (std::countr_zero(static_cast<uint64_t>(spec.lanes)) + 1));
    std::vector<Placement> batch;
    for (int64_t rank = 0; rank < world; ++rank) {
      std::vector<std::set<int64_t>> drawn(order.num_windows());
      for (int64_t step = 0; step < order.num_steps(); ++step) {
        order.batch(step, rank, world, batch);
        const auto [first, last] = windows_of_step(order, step);
        ASSERT_LE(first, last);
        std::set<int64_t> allowed;
        for (int64_t window = first; window <= last; ++window)
          for (const int64_t unit : order.window_units(window, rank, world)) allowed.insert(unit);
        for (const Placement& placement : batch) ASSERT_TRUE(allowed.count(placement.unit));
      }
      for (int64_t window = 0; window < order.num_windows(); ++window) {
        const std::vector<int64_t> units = order.window_units(window, rank, world);
        ASSERT_TRUE(std::is_sorted(units.begin(), units.end()));
        ASSERT_TRUE(std::adjacent_find(units.begin(), units.end()) == units.end());
      }
    }
  }
}

TEST(EpochOrder, AsksOnlyForUnitsThatAWindowUses) {
  std::mt19937_64 random(5);
  for (int trial = 0; trial < 100; ++trial) {
    const EpochOrder order(random_spec(random), trial);
    std::vector<std::set<int64_t>> used(order.num_windows());
    for (int64_t position = 0; position < order.num_samples(); ++position)
      used[order.window_of_position(position)].insert(order.at(position).unit);
    for (int64_t window = 0; window < order.num_windows(); ++window)
      ASSERT_EQ(order.window_units(window, 0, 1), Units(used[window].begin(), used[window].end()));
  }
}

TEST(EpochOrder, WalksTheCatalogForEvaluation) {
  const Units units = {3, 0, 5, 1};
  const EpochOrder order = EpochOrder::sequential(std::make_shared<const Units>(units), 4, 3);
  EXPECT_EQ(pairs(walk(order)), all_samples(units));
  EXPECT_EQ(order.num_steps(), 3);
  EXPECT_EQ(order.num_windows(), 3);
  EXPECT_EQ(windows_of_step(order, 1), (Pair{1, 2}));
  EXPECT_EQ(order.window_units(1, 0, 1), (Units{2}));
}

TEST(EpochOrder, AcceptsNothing) {
  for (const Units& units : {Units{}, Units{0, 0, 0}}) {
    const EpochOrder order({1, std::make_shared<const Units>(units), 8, 10, 10}, 0);
    EXPECT_EQ(order.num_samples(), 0);
    EXPECT_EQ(order.num_steps(), 0);
    EXPECT_EQ(order.num_windows(), 0);
    std::vector<Placement> batch;
    EXPECT_THROW(order.batch(0, 0, 1, batch), Error);
    EXPECT_THROW(order.at(0), Error);
    EXPECT_THROW(order.window_units(0, 0, 1), Error);
  }
}

TEST(EpochOrder, RefusesWrongSpecifications) {
  const auto units = std::make_shared<const Units>(Units{10});
  EXPECT_THROW(EpochOrder({1, units, 1, 1, 0}, 0), InputError);
  EXPECT_THROW(EpochOrder({1, units, 3, 1, 1}, 0), InputError);
  EXPECT_THROW(EpochOrder({1, units, 128, 1, 1}, 0), InputError);
  EXPECT_THROW(EpochOrder({1, units, 1, 0, 1}, 0), InputError);
  EXPECT_THROW(EpochOrder({1, units, 1, 1, 1}, -1), InputError);
  EXPECT_THROW(EpochOrder({1, std::make_shared<const Units>(Units{1, -1}), 1, 1, 1}, 0), InputError);
  EXPECT_THROW(EpochOrder({1, std::make_shared<const Units>(Units{int64_t{1} << 62, 1}), 1, 1, 1}, 0), InputError);
  EXPECT_THROW(EpochOrder({1, nullptr, 1, 1, 1}, 0), Error);
}

TEST(EpochOrder, ReachesAnyStepOfABillionSamples) {
  const auto units = std::make_shared<const Units>(Units(1000000, 1000));
  const ShuffleSpec plan = plan_shuffle(*units, 262144);
  const OrderSpec spec{1, units, plan.lanes, plan.window_rows, 500};
  const EpochOrder order(spec, 3);
  EXPECT_EQ(order.num_samples(), 1000000000);
  EXPECT_EQ(order.num_steps(), 2000000);
  std::vector<Placement> batch;
  order.batch(1000000, 0, 1, batch);
  ASSERT_EQ(batch.size(), 500u);
  std::set<Pair> seen;
  for (size_t i = 0; i < batch.size(); ++i) {
    EXPECT_EQ(batch[i], order.at(500000000 + static_cast<int64_t>(i)));
    EXPECT_TRUE(batch[i].row >= 0 && batch[i].row < 1000);
    seen.insert({batch[i].unit, batch[i].row});
  }
  EXPECT_EQ(seen.size(), 500u);
  const auto [first, last] = windows_of_step(order, 1000000);
  std::set<int64_t> allowed;
  for (int64_t window = first; window <= last; ++window)
    for (const int64_t unit : order.window_units(window, 0, 1)) allowed.insert(unit);
  EXPECT_LE(allowed.size(), 2 * 64 * 6u);
  for (const Placement& placement : batch) EXPECT_TRUE(allowed.count(placement.unit));
}

TEST(EpochOrder, SurvivesTheLargestCatalog) {
  const auto units = std::make_shared<const Units>(Units(4096, int64_t{1} << 50));
  for (const int64_t batch_size : {int64_t{1000}, int64_t{1} << 62}) {
    const EpochOrder order({1, units, 64, int64_t{1} << 61, batch_size}, 0);
    EXPECT_EQ(order.num_samples(), int64_t{1} << 62);
    EXPECT_EQ(order.positions(order.num_steps() - 1).second, int64_t{1} << 62);
    for (const int64_t position : {int64_t{0}, int64_t{1} << 61, (int64_t{1} << 62) - 1}) {
      const Placement placement = order.at(position);
      EXPECT_TRUE(placement.unit >= 0 && placement.unit < 4096);
      EXPECT_TRUE(placement.row >= 0 && placement.row < int64_t{1} << 50);
    }
  }
}

}  // namespace
}  // namespace tev
