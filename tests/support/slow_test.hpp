#pragma once
// Tests that take gibibytes: run where TEVATRAIN_SLOW_TESTS is set, as by the CTest entries with the label slow, and the memory is there.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace tev::test {

/// Free memory in GiB, as Linux estimates it. A limit of a container is not seen.
inline int64_t available_gibibytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    int64_t kilobytes = 0;
    file >> kilobytes;
    std::getline(file, unit);
    if (key == "MemAvailable:") return kilobytes >> 20;
  }
  return 0;
}

}  // namespace tev::test

/// First line of a slow test.
#define TEV_SLOW_TEST(gibibytes)                                                                                  \
  do {                                                                                                            \
    if (std::getenv("TEVATRAIN_SLOW_TESTS") == nullptr) GTEST_SKIP() << "TEVATRAIN_SLOW_TESTS is not set";        \
    if (::tev::test::available_gibibytes() < (gibibytes)) GTEST_SKIP() << "needs " << (gibibytes) << " GiB of memory"; \
  } while (false)
