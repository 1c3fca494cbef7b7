#include "kernels/device_support.hpp"

#include <gtest/gtest.h>

#include "tests/support/error_of.hpp"

namespace tev {
namespace {

using test::error_of;

TEST(DeviceSupport, SaysWhatTheLibraryWasBuiltFor) {
  EXPECT_NO_THROW(check_device_support("tev::op", c10::Device("cpu")));
  EXPECT_NO_THROW(check_device_support("tev::op", c10::Device("meta")));
#if defined(TEV_WITH_CUDA)
  EXPECT_NO_THROW(check_device_support("tev::op", c10::Device("cuda:0")));
#else
  EXPECT_EQ(error_of<Error>([] { check_device_support("tev::op", c10::Device("cuda:0")); }),
            "tev::op: a tensor is on cuda:0 (this library was built for the CPU only). Move the tensors to a device of "
            "that list, or build with the preset that compiles for cuda:0.");
#endif
}

}  // namespace
}  // namespace tev
