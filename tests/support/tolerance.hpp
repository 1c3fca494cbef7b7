#pragma once
// How far two right answers may differ: one table for all tests.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <c10/util/StringUtil.h>
#include <gtest/gtest.h>

namespace tev::test {

struct Tolerance {
  double relative;
  double absolute;
};

/// A few hundred roundings of the dtype; half types round once, at the end, since they accumulate in fp32.
inline Tolerance tolerance(at::ScalarType type) {
  switch (type) {
    case at::kDouble: return {1e-12, 1e-12};
    case at::kFloat: return {1e-5, 1e-5};
    case at::kHalf: return {2e-3, 2e-3};
    case at::kBFloat16: return {1.6e-2, 1.6e-2};
    default: return {0, 0};
  }
}

/// Same shape and dtype, values within the tolerance of the dtype; NaN equals NaN.
inline ::testing::AssertionResult is_close(const at::Tensor& value, const at::Tensor& expected) {
  if (value.scalar_type() != expected.scalar_type() || value.sizes() != expected.sizes())
    return ::testing::AssertionFailure() << c10::str(value.scalar_type(), value.sizes(), " instead of ",
                                                     expected.scalar_type(), expected.sizes());
  const auto [relative, absolute] = tolerance(expected.scalar_type());
  const at::Tensor wide = value.to(at::kCPU, at::kDouble), wide_expected = expected.to(at::kCPU, at::kDouble);
  if (at::allclose(wide, wide_expected, relative, absolute, /*equal_nan=*/true)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "largest difference " << (wide - wide_expected).abs().max().item<double>();
}

/// The same bits: -0 differs from 0, a NaN equals itself.
inline ::testing::AssertionResult is_same_bits(const at::Tensor& value, const at::Tensor& expected) {
  if (value.scalar_type() != expected.scalar_type() || value.sizes() != expected.sizes())
    return ::testing::AssertionFailure() << "different shapes or dtypes";
  if (value.numel() == 0) return ::testing::AssertionSuccess();
  const auto bytes = [](const at::Tensor& x) { return x.cpu().contiguous().view({-1}).view(at::kByte); };
  if (bytes(value).equal(bytes(expected))) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the bits differ, largest difference "
                                       << (value - expected).abs().max().item<double>();
}

}  // namespace tev::test
