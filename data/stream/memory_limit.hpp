#pragma once
// How much memory this process may use.

#include <cstdint>

namespace tev {

/// The smaller of the machine's memory and the limit of the control group (version 2 or 1).
int64_t memory_limit_bytes();

/// The byte budget of loading: data.budget_mib, or a quarter of the memory limit where that is 0.
int64_t loading_budget_bytes(int64_t budget_mib);

}  // namespace tev
