#include "kernels/cuda_library.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.hpp"

namespace tev {
namespace {

#if defined(TEV_WITH_CUDA)

TEST(CudaLibrary, BringsAKernelForEveryOneOfTheCpu) {
  load_cuda_kernels();
  int kernels = 0;
  auto& dispatcher = c10::Dispatcher::singleton();
  for (const auto& name : dispatcher.getAllOpNames()) {
    if (name.getNamespace() != "tev" || !dispatcher.findOp(name)->hasKernelForDispatchKey(c10::DispatchKey::CPU)) continue;
    EXPECT_TRUE(dispatcher.findOp(name)->hasKernelForDispatchKey(c10::DispatchKey::CUDA)) << name;
    ++kernels;
  }
  EXPECT_GT(kernels, 0);
}

#else

TEST(CudaLibrary, IsNotThere) {
  EXPECT_FALSE(has_cuda());
  EXPECT_EQ(test::error_of<Error>([] { load_cuda_kernels(); }), "this program was built without CUDA kernels. Build with the preset cuda.");
}

#endif

}  // namespace
}  // namespace tev
