#include "data/stream/shuffle_advice.hpp"

#include "data/order/shuffle_plan.hpp"

#include <algorithm>
#include <bit>

namespace tev {
namespace {

/// Rounded down to three digits.
int64_t tidy(int64_t rows) {
  int64_t unit = 1;
  while (rows / unit >= 1000) unit *= 10;
  return rows / unit * unit;
}

}  // namespace

ShuffleFit rows_that_fit(const std::vector<int64_t>& unit_rows, const PinQuota& quota, double available, const UnitLoader& loader, int64_t asked) {
  int64_t rows = 0, units = 0, largest = 1, loading = 0;
  double reserved = 0;
  for (size_t unit = 0; unit < unit_rows.size(); ++unit) {
    if (unit_rows[unit] == 0) continue;
    rows += unit_rows[unit];
    ++units;
    largest = std::max(largest, unit_rows[unit]);
    const int64_t bytes = loader.reserve_bytes(static_cast<int64_t>(unit));
    loading = std::max(loading, bytes);
    reserved += static_cast<double>(bytes);
  }
  const double held = reserved * static_cast<double>(quota.pinned_bytes) / static_cast<double>(std::max<int64_t>(1, quota.reserved_bytes));
  const double per_unit = held / static_cast<double>(std::max<int64_t>(1, units)), per_event = held / static_cast<double>(std::max<int64_t>(1, rows));
  const auto fits = [&](int64_t shuffle_rows) {
    const ShuffleSpec plan = plan_shuffle(unit_rows, shuffle_rows);
    const auto lanes = static_cast<double>(plan.lanes), most = static_cast<double>(largest);
    const bool aligned = units * largest == rows && plan.window_rows % largest == 0 && rows % (plan.lanes * largest) == 0;  // no window cuts a unit
    const double cut = aligned ? 0 : 2 * lanes * (plan.typical_unit_rows - 1) + 2 * (most - plan.typical_unit_rows);
    return per_event * (lanes * static_cast<double>(plan.window_rows) + cut) + std::max(0.0, static_cast<double>(loading) - per_unit) <= available;
  };
  auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, asked - 1))));
  while (power > 0 && !fits(power)) power /= 2;
  // Lanes, and with them what is held, jump with the rows: what is named has been asked about itself.
  int64_t most = power, too_many = std::min(asked, 2 * power);
  while (too_many - most > 1 + most / 100) {
    const int64_t middle = most + (too_many - most) / 2;
    (fits(middle) ? most : too_many) = middle;
  }
  const int64_t named = tidy(most);
  return {named > power && fits(named) ? named : power, static_cast<int64_t>(per_event)};
}

}  // namespace tev
