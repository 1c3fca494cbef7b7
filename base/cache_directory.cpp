#include "base/cache_directory.hpp"

#include <cstdlib>

namespace tev {

std::filesystem::path cache_directory() {
  if (const char* given = std::getenv("TEVATRAIN_CACHE"); given && *given) return given;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home && *home ? home : "/tmp") / ".cache" / "tevatrain";
}

}  // namespace tev
