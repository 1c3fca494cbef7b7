#include "data/stream/memory_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tev {
namespace {

/// "cpu,memory" names memory.
bool names_memory(const std::string& controllers) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');)
    if (name == "memory") return true;
  return false;
}

/// Path of the process's group in a hierarchy: that of version 2, whose line names no controllers, or that of memory in version 1.
/// The top where the file does not say, or where the group lies outside what a container sees (/../..).
std::filesystem::path group_path(const std::string& own_group, bool is_version_2) {
  std::ifstream lines(own_group);
  for (std::string number, controllers, path;
       std::getline(lines, number, ':') && std::getline(lines, controllers, ':') && std::getline(lines, path);)
    if (is_version_2 ? number == "0" && controllers.empty() : names_memory(controllers))
      return path.empty() || path[0] != '/' || path.find("/..") != std::string::npos ? "/" : path;
  return "/";
}

/// The smallest limit of a group and of those that it lies in. What containers do not show has no file.
int64_t smallest_limit(const std::filesystem::path& top, std::filesystem::path group, const char* file, int64_t limit) {
  for (;; group = group.parent_path()) {
    int64_t bytes = 0;
    if (std::ifstream(top / group.relative_path() / file) >> bytes && bytes > 0) limit = std::min(limit, bytes);  // "max" does not read as a number
    if (group == group.root_path()) return limit;
  }
}

}  // namespace

int64_t memory_limit_bytes(const std::string& groups, const std::string& own_group) {
  const int64_t machine = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const int64_t limit = smallest_limit(groups, group_path(own_group, true), "memory.max", machine);
  return smallest_limit(groups + "/memory", group_path(own_group, false), "memory.limit_in_bytes", limit);
}

int64_t loading_budget_bytes(int64_t budget_mib) {
  return budget_mib > 0 ? budget_mib << 20 : memory_limit_bytes() / 4;
}

}  // namespace tev
