#pragma once
// A folder for one test.

#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace tev {

/// Empty at the start, gone at the end.
class RunFolder : public testing::Test {
 protected:
  RunFolder() {
    std::string pattern = testing::TempDir() + "tev_record_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~RunFolder() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

inline std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace tev
