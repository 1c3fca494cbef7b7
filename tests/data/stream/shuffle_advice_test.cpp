// What is named where a window does not fit: it does, and it is close to the most that does.

#include "data/stream/shuffle_advice.hpp"

#include "data/order/shuffle_plan.hpp"
#include "data/stream/batch_stream.hpp"
#include "tests/data/stream/counting_loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

namespace tev {
namespace {

/// Units of events that take about the same.
struct Case {
  std::vector<int64_t> unit_rows;
  int64_t budget = 0;
  int64_t heavy_from = int64_t{1} << 62;

  int64_t largest_reserve() const { return 200 * *std::max_element(unit_rows.begin(), unit_rows.end()); }

  /// Reads two epochs. Throws what is named, as a number, where a window does not fit.
  int64_t read(int64_t shuffle_rows) const {
    test::CountingLoader loader(unit_rows, 2, heavy_from);
    UnitStore store(budget);
    const ShuffleSpec shuffle = plan_shuffle(unit_rows, shuffle_rows);
    StreamSpec spec;
    spec.order = OrderSpec{7, std::make_shared<const std::vector<int64_t>>(unit_rows), shuffle.lanes, shuffle.window_rows, 64};
    spec.end_epoch = 2;
    spec.budget_advice = [&](const PinQuota& quota) {
      return std::to_string(rows_that_fit(unit_rows, quota, static_cast<double>(budget), loader, shuffle.lanes * shuffle.window_rows).rows);
    };
    BatchStream stream(store, loader, spec);
    int64_t events = 0;
    while (const auto batch = stream.next()) events += batch->size();
    return events;
  }

  int64_t named() const {
    try {
      read(num_events());
    } catch (const InputError& error) {
      return std::stoll(error.what());
    }
    return 0;
  }

  int64_t num_events() const { return std::accumulate(unit_rows.begin(), unit_rows.end(), int64_t{0}); }
};

Case random_case(std::mt19937& random) {
  const auto between = [&random](int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(random); };
  Case result;
  const int64_t rows = between(4, 60), units = between(40, 400);
  for (int64_t i = 0; i < units; ++i) result.unit_rows.push_back(between(0, 3) == 0 ? between(0, rows) : rows);
  result.budget = result.num_events() * 65 / between(2, 8) + result.largest_reserve();  // an event takes about 64 bytes
  return result;
}

TEST(ShuffleAdvice, what_is_named_fits) {
  std::mt19937 random(11);
  int64_t between_powers = 0;
  for (int i = 0; i < 60; ++i) {
    const Case tried = random_case(random);
    const int64_t named = tried.named();
    ASSERT_GT(named, 0) << "case " << i;
    EXPECT_EQ(tried.read(named), 2 * tried.num_events()) << "case " << i << ": " << named << " rows";
    if (!std::has_single_bit(static_cast<uint64_t>(named))) ++between_powers;
  }
  EXPECT_GT(between_powers, 40);
}

TEST(ShuffleAdvice, what_is_named_fits_nearly_where_events_are_of_unequal_size) {
  for (const int64_t budget : {3'000'000, 6'000'000}) {
    Case tried{std::vector<int64_t>(300, 100), budget, 15'000};  // 64 bytes an event, then 864
    const int64_t named = tried.named();
    ASSERT_GT(named, 0);
    EXPECT_GT(named, budget / 464 / 2);
    tried.budget += budget / 50;
    EXPECT_EQ(tried.read(named), 2 * tried.num_events()) << named << " rows";
  }
}

TEST(ShuffleAdvice, the_most_that_fits_is_named_to_a_hundredth) {
  const std::vector<int64_t> unit_rows(10'000, 100);
  const test::CountingLoader loader(unit_rows, 1);
  PinQuota quota;
  quota.pinned_bytes = 1'000'000;  // 100 an event
  quota.reserved_bytes = 100 * loader.reserve_bytes(0);
  for (const int64_t holds : {40'000, 77'777, 123'456, 500'001}) {
    const double available = 100.0 * static_cast<double>(holds + 2 * 64 * 99) + 20'064 - 10'000;  // of 64 lanes, the windows of which cut two units; one is loading
    const int64_t named = rows_that_fit(unit_rows, quota, available, loader, 1'000'000).rows;
    const ShuffleSpec plan = plan_shuffle(unit_rows, named);
    EXPECT_LE(plan.lanes * plan.window_rows, holds);
    EXPECT_GT(static_cast<double>(named), 0.98 * static_cast<double>(holds));
    EXPECT_EQ(named % 100, 0) << named;
  }
}

/// Every unit takes the same, whatever of it belongs to the split.
class EqualUnits final : public UnitLoader {
 public:
  int64_t reserve_bytes(int64_t) const override { return 20'000; }
  void load(int64_t, Done) override {}
};

TEST(ShuffleAdvice, units_of_other_splits_do_not_count) {
  const EqualUnits loader;
  std::vector<int64_t> unit_rows(10'000, 100);
  PinQuota quota;
  quota.pinned_bytes = quota.reserved_bytes = 2'000'000;
  const auto alone = rows_that_fit(unit_rows, quota, 1e8, loader, 1'000'000);
  unit_rows.resize(40'000, 0);
  const auto beside = rows_that_fit(unit_rows, quota, 1e8, loader, 1'000'000);
  EXPECT_EQ(alone.event_bytes, 200);
  EXPECT_EQ(beside.event_bytes, alone.event_bytes);
  EXPECT_EQ(beside.rows, alone.rows);
}

}  // namespace
}  // namespace tev
