// The switch lives in the kernels' library, so its test does too.

#include "base/portable.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

TEST(PortableGuard, ActsUntilItsEndAndNests) {
  EXPECT_FALSE(portable_mode());
  {
    const PortableGuard outer;
    EXPECT_TRUE(portable_mode());
    {
      const PortableGuard inner(false);
      EXPECT_FALSE(portable_mode());
    }
    EXPECT_TRUE(portable_mode());
  }
  EXPECT_FALSE(portable_mode());
}

}  // namespace
}  // namespace tev
