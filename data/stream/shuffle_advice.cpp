#include "data/stream/shuffle_advice.hpp"

#include "data/order/shuffle_plan.hpp"

#include <algorithm>
#include <numeric>

namespace tev {

ShuffleFit rows_that_fit(const std::vector<int64_t>& unit_rows, const PinQuota& quota, double available) {
  const auto rows = static_cast<double>(std::accumulate(unit_rows.begin(), unit_rows.end(), int64_t{0}));
  const double per_unit = static_cast<double>(quota.pinned_bytes) / static_cast<double>(std::max<int64_t>(1, quota.pinned_units));
  const double per_event = per_unit * static_cast<double>(unit_rows.size()) / std::max(1.0, rows);
  int64_t fits = int64_t{1} << 40;
  for (; fits > 1; fits /= 2) {
    const ShuffleSpec plan = plan_shuffle(unit_rows, fits);
    // A lane begins and ends its window within a unit.
    const double edges = 2 * static_cast<double>(plan.lanes) * per_unit;
    if (per_event * static_cast<double>(plan.lanes * plan.window_rows) + edges <= available) break;
  }
  return {fits, static_cast<int64_t>(per_event)};
}

}  // namespace tev
