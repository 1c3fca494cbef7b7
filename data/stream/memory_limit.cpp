#include "data/stream/memory_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace tev {

int64_t memory_limit_bytes() {
  int64_t limit = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    int64_t bytes = 0;
    if (std::ifstream(path) >> bytes && bytes > 0) limit = std::min(limit, bytes);  // "max" does not read as a number
  }
  return limit;
}

int64_t loading_budget_bytes(int64_t budget_mib) {
  return budget_mib > 0 ? budget_mib << 20 : memory_limit_bytes() / 4;
}

}  // namespace tev
