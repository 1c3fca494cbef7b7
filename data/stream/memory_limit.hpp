#pragma once
// How much memory this process may use.

#include <cstdint>
#include <string>

namespace tev {

/// The smallest of the machine's memory and the limits of the process's control group (version 2 or 1) and all groups around it.
/// @param groups     folder under which the groups lie
/// @param own_group  file that says which of them is that of the process
int64_t memory_limit_bytes(const std::string& groups = "/sys/fs/cgroup", const std::string& own_group = "/proc/self/cgroup");

/// The byte budget of loading: data.budget_mib, or a quarter of the memory limit where that is 0.
int64_t loading_budget_bytes(int64_t budget_mib);

}  // namespace tev
