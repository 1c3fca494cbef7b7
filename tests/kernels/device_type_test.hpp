#pragma once
// What tests of an operator on every device and dtype share.

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "kernels/cuda_library.hpp"
#include "tests/support/tolerance.hpp"

namespace tev::test {

class DeviceTypeTest : public ::testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {
 protected:
  void SetUp() override {
    static const bool cuda = has_cuda();
    if (device() == at::kCUDA && !cuda) GTEST_SKIP() << "no CUDA device";
    at::manual_seed(1);  // after has_cuda(); the seed of a process is drawn by chance, and so would be how nearly a test misses its tolerance
  }
  at::DeviceType device() const { return std::get<0>(GetParam()); }
  at::ScalarType dtype() const { return std::get<1>(GetParam()); }
  /// What a value of this dtype is, in fp64.
  at::Tensor rounded(const at::Tensor& x) const { return x.to(dtype()).to(at::kDouble); }
  at::Tensor here(const at::Tensor& x) const { return x.to(device(), dtype()); }

  /// The error beside the largest value: what a row cancels to is as uncertain as what it is summed of.
  static void expect_near(const at::Tensor& value, const at::Tensor& expected, at::ScalarType type, double factor = 1) {
    ASSERT_EQ(value.scalar_type(), type);
    ASSERT_EQ(value.sizes(), expected.sizes());
    if (value.numel() == 0) return;
    const double error = (value.to(at::kCPU, at::kDouble) - expected).abs().max().item<double>(), scale = expected.abs().max().item<double>();
    EXPECT_LE(error, factor * tolerance(type).relative * std::max(scale, 1e-3));
  }
  void expect_near(const at::Tensor& value, const at::Tensor& expected) const { expect_near(value, expected, dtype()); }
};

}  // namespace tev::test
