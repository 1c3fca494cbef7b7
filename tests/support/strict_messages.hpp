#pragma once
// Messages for tests in which nothing is to be warned of.

#include "base/messages.hpp"

#include <gtest/gtest.h>

namespace tev::test {

/// A warning fails the test; everything else is discarded.
class StrictMessages final : public Messages {
 public:
  void info(const std::string&) override {}
  void warning(const std::string& text) override { ADD_FAILURE() << "a warning that the test does not expect: " << text; }
  void progress(const std::string&, int64_t, int64_t, const std::string&) override {}
};

}  // namespace tev::test
