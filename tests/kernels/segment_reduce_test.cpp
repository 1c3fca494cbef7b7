// Values and gradients of segment_reduce on every device and dtype.

#include "kernels/segment_reduce/segment_reduce.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "base/portable.hpp"
#include "kernels/cuda_library.hpp"
#include "tests/kernels/segment_reduce_oracle.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/slow_test.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;  // the oracle and the checks of tests/support

const bool kCuda = has_cuda();  // before any test sets a seed

class SegmentReduceOn : public ::testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {
 protected:
  void SetUp() override {
    if (device() == at::kCUDA && !kCuda) GTEST_SKIP() << "no CUDA device";
  }
  at::DeviceType device() const { return std::get<0>(GetParam()); }
  at::ScalarType dtype() const { return std::get<1>(GetParam()); }
  at::TensorOptions options() const { return at::TensorOptions(device()).dtype(dtype()); }
  at::Tensor here(const at::Tensor& x) const { return x.to(device()); }
};

TEST_P(SegmentReduceOn, EqualsTheNaiveLoop) {
  const at::Tensor offsets = here(ragged_offsets());
  for (const auto reduction : reductions)
    for (const int64_t channels : {1, 3, 16, 21, 64, 100, 149}) {
      const at::Tensor x = at::randn({24, channels}, options());
      EXPECT_TRUE(is_close(segment_reduce(x, offsets, reduction), naive_loop(x, offsets, reduction)))
          << segment_reduction_name(reduction) << " of " << channels << " channels";
    }
}

TEST_P(SegmentReduceOn, KeepsShapeDtypeAndDevice) {
  const at::Tensor offsets = here(ragged_offsets());
  for (const auto& shape : std::vector<std::vector<int64_t>>{{24}, {24, 5}, {24, 2, 3}, {24, 0}, {24, 2, 1, 4}}) {
    std::vector<int64_t> expected = shape;
    expected[0] = 11;
    const at::Tensor x = at::randn(shape, options());
    for (const auto reduction : reductions) {
      const at::Tensor out = segment_reduce(x, offsets, reduction);
      EXPECT_EQ(out.sizes(), at::IntArrayRef(expected));
      EXPECT_EQ(out.options().dtype(), x.options().dtype());
      EXPECT_EQ(out.device(), x.device());
      EXPECT_TRUE(out.is_contiguous());
      EXPECT_TRUE(is_close(out, here(naive_loop(x, offsets, reduction))));
    }
  }
}

TEST_P(SegmentReduceOn, IgnoresStrides) {
  const at::Tensor x = at::randn({6, 48}, options()).t().slice(0, 0, 48, 2);  // [24, 6]
  const at::Tensor offsets = here(at::stack({ragged_offsets(), ragged_offsets()}, 1).select(1, 0));
  const at::Tensor grad = at::randn({6, 11}, options()).t();
  for (const auto reduction : reductions) {
    EXPECT_TRUE(is_same_bits(segment_reduce(x, offsets, reduction),
                             segment_reduce(x.contiguous(), offsets.contiguous(), reduction)));
    EXPECT_TRUE(is_same_bits(gradient_of(x, offsets, reduction, grad),
                             gradient_of(x.contiguous(), offsets.contiguous(), reduction, grad.contiguous())));
  }
}

TEST_P(SegmentReduceOn, EmptySegmentsGiveZeroAndNoGradient) {
  const at::Tensor offsets = here(offsets_of({0, 2, 0}));
  const at::Tensor x = at::full({2, 3}, -1.0, options());
  for (const auto reduction : reductions) {
    const at::Tensor out = segment_reduce(x, offsets, reduction);
    EXPECT_EQ(out[0].abs().sum().item<double>() + out[2].abs().sum().item<double>(), 0);
    const at::Tensor grad_empty = here(at::tensor({1.0, 0.0, 1.0}).view({3, 1})).expand({3, 3}).to(dtype());
    EXPECT_EQ(gradient_of(x, offsets, reduction, grad_empty).abs().sum().item<double>(), 0);
  }
}

TEST_P(SegmentReduceOn, AcceptsNoRowsAndNoSegments) {
  for (const auto reduction : reductions) {
    const at::Tensor none = at::empty({0, 3}, options());
    const at::Tensor grad = at::ones({2, 3}, options());
    EXPECT_TRUE(is_same_bits(segment_reduce(none, here(offsets_of({0, 0})), reduction), at::zeros({2, 3}, options())));
    EXPECT_EQ(gradient_of(none, here(offsets_of({0, 0})), reduction, grad).sizes(), at::IntArrayRef({0, 3}));
    EXPECT_EQ(segment_reduce(none, here(offsets_of({})), reduction).sizes(), at::IntArrayRef({0, 3}));
  }
}

TEST_P(SegmentReduceOn, GradientIsSharedOrGoesToTheWinner) {
  const at::Tensor offsets = here(offsets_of({3, 0, 2}));
  const at::Tensor x = here(at::tensor({1.0, 4.0, 2.0, -3.0, -5.0})).to(dtype());
  const at::Tensor grad = here(at::tensor({6.0, 100.0, 2.0})).to(dtype());
  const auto expect = [&](SegmentReduction reduction, std::vector<double> values) {
    EXPECT_TRUE(is_same_bits(gradient_of(x, offsets, reduction, grad), here(at::tensor(values)).to(dtype())));
  };
  expect(SegmentReduction::sum, {6, 6, 6, 2, 2});
  expect(SegmentReduction::mean, {2, 2, 2, 1, 1});
  expect(SegmentReduction::max, {0, 6, 0, 2, 0});
  expect(SegmentReduction::min, {6, 0, 0, 0, 2});
}

TEST_P(SegmentReduceOn, TiesGoToTheLowestRowAndNaNWins) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const at::Tensor offsets = here(offsets_of({3, 4, 2}));
  const at::Tensor x = here(at::tensor({7.0, 7.0, 7.0, 1.0, nan, infinity, nan, -infinity, -infinity})).to(dtype());
  const at::Tensor grad = at::ones({3}, options());
  const at::Tensor winners = here(at::tensor({1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0})).to(dtype());
  for (const auto reduction : {SegmentReduction::max, SegmentReduction::min}) {
    EXPECT_TRUE(is_close(segment_reduce(x, offsets, reduction), here(at::tensor({7.0, nan, -infinity})).to(dtype())));
    EXPECT_TRUE(is_same_bits(gradient_of(x, offsets, reduction, grad), winners));
  }
}

// Longer than a block of rows, so that partial results are joined; the values are exact in every dtype.
TEST_P(SegmentReduceOn, JoinsTheBlocksOfLongSegments) {
  const at::Tensor offsets = here(offsets_of({5, 9001, 0, 4096, 4097, 1}));
  const at::Tensor x = here(at::arange(17200).remainder(3).sub(1).view({-1, 1}).expand({-1, 3})).to(dtype()).clone();
  x[7000].fill_(9);
  x[8999].fill_(9);
  x[12000].fill_(-9);
  for (const auto reduction : reductions) {
    EXPECT_TRUE(is_close(segment_reduce(x, offsets, reduction), here(naive_loop(x, offsets, reduction))));
    const at::Tensor grad = at::ones({6, 3}, options());
    const at::Tensor gradient = gradient_of(x, offsets, reduction, grad);
    if (reduction == SegmentReduction::sum) {
      EXPECT_TRUE(is_same_bits(gradient, at::ones_like(x)));
    } else if (reduction != SegmentReduction::mean) {
      EXPECT_EQ(gradient.sum().item<double>(), 5 * 3);  // one row a segment and channel
      const int64_t winner = reduction == SegmentReduction::max ? 7000 : 6;
      EXPECT_EQ(gradient.slice(0, 5, 9006).nonzero()[0][0].item<int64_t>(), winner - 5);
    }
  }
}

TEST_P(SegmentReduceOn, PortableFormIsEqual) {
  const at::Tensor offsets = here(ragged_offsets());
  for (const auto reduction : reductions)
    for (const auto& shape : std::vector<std::vector<int64_t>>{{24}, {24, 5}, {24, 2, 3}}) {
      const at::Tensor x = here(distinct_values(shape)).to(dtype());
      const at::Tensor out = segment_reduce(x, offsets, reduction);
      const at::Tensor gradient = gradient_of(x, offsets, reduction, out);
      const PortableGuard portable;
      EXPECT_TRUE(is_close(segment_reduce(x, offsets, reduction), out)) << segment_reduction_name(reduction);
      EXPECT_TRUE(is_close(gradient_of(x, offsets, reduction, out), gradient)) << segment_reduction_name(reduction);
      EXPECT_TRUE(is_same_bits(segment_reduce(x.slice(0, 0, 0), offsets.mul(0), reduction), at::zeros_like(out)));
    }
}

TEST_P(SegmentReduceOn, GivesTheSameBitsEveryRun) {
  const at::Tensor offsets = here(offsets_of({1000, 0, 20000, 17, 3000}));
  const at::Tensor x = at::randn({24017, 19}, options());
  const at::Tensor grad = at::randn({5, 19}, options());
  for (const auto reduction : reductions) {
    const at::Tensor out = segment_reduce(x, offsets, reduction);
    const at::Tensor gradient = gradient_of(x, offsets, reduction, grad);
    for (const int threads : {1, 2, 3, 7}) {
      const int before = at::get_num_threads();
      at::set_num_threads(threads);
      EXPECT_TRUE(is_same_bits(segment_reduce(x, offsets, reduction), out)) << threads << " threads";
      EXPECT_TRUE(is_same_bits(gradient_of(x, offsets, reduction, grad), gradient)) << threads << " threads";
      at::set_num_threads(before);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, SegmentReduceOn,
                         ::testing::Combine(::testing::Values(at::kCPU, at::kCUDA),
                                            ::testing::Values(at::kFloat, at::kDouble, at::kHalf, at::kBFloat16)),
                         [](const auto& info) {
                           return c10::DeviceTypeName(std::get<0>(info.param)) + "_" +
                                  c10::toString(std::get<1>(info.param));
                         });

TEST(SegmentReduceOnCuda, EqualsTheCpuResult) {
  if (!kCuda) GTEST_SKIP() << "no CUDA device";
  const at::Tensor offsets = offsets_of({1000, 0, 20000, 17, 3000});
  for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16})
    for (const auto reduction : reductions) {
      const at::Tensor x = at::randn({24017, 19}, at::kDouble).to(dtype), grad = at::randn({5, 19}).to(dtype);
      const at::Tensor gradient = gradient_of(x.cuda(), offsets.cuda(), reduction, grad.cuda());
      EXPECT_TRUE(is_close(segment_reduce(x.cuda(), offsets.cuda(), reduction).cpu(),
                           segment_reduce(x, offsets, reduction)));
      EXPECT_TRUE(is_close(gradient.cpu(), gradient_of(x, offsets, reduction, grad)));
    }
}

TEST(SegmentReduce, HasRightFirstAndSecondDerivatives) {
  const at::Tensor offsets = ragged_offsets();
  for (const auto reduction : reductions) {
    const auto f = [&](const std::vector<at::Tensor>& x) { return segment_reduce(x[0], offsets, reduction); };
    EXPECT_TRUE(gradcheck(f, {distinct_values({24, 3})})) << segment_reduction_name(reduction);
    // Squared, so that the second derivative is not zero.
    const auto square = [&](const std::vector<at::Tensor>& x) { return f(x).square(); };
    EXPECT_TRUE(gradgradcheck(square, {distinct_values({24, 2})})) << segment_reduction_name(reduction);
  }
}

TEST(SegmentReduce, SecondDerivativesExistWithoutRows) {
  for (const auto reduction : reductions) {
    const at::Tensor x = at::empty({0, 3}, at::kDouble).requires_grad_();
    const at::Tensor out = segment_reduce(x, offsets_of({0, 0}), reduction);
    const at::Tensor grad_out = at::ones_like(out).requires_grad_();
    const at::Tensor gradient = torch::autograd::grad({out}, {x}, {grad_out}, true, true)[0];
    const at::Tensor second = torch::autograd::grad({gradient.sum()}, {grad_out})[0];
    EXPECT_TRUE(is_same_bits(second, at::zeros_like(out)));
  }
}

// <A x, y> = <x, A^T y>.
TEST(SegmentReduce, BackwardIsTheAdjointOfALinearReduction) {
  const at::Tensor offsets = ragged_offsets();
  for (const auto reduction : {SegmentReduction::sum, SegmentReduction::mean}) {
    const at::Tensor x = at::randn({24, 7}, at::kDouble), y = at::randn({11, 7}, at::kDouble);
    const double forward = (segment_reduce(x, offsets, reduction) * y).sum().item<double>();
    const double adjoint = (x * gradient_of(x, offsets, reduction, y)).sum().item<double>();
    EXPECT_NEAR(forward, adjoint, 1e-12 * std::abs(forward) + 1e-12);
  }
}

TEST(SegmentReduce, EachSegmentIsReducedAsIfItWereAlone) {
  const at::Tensor offsets = ragged_offsets(), x = at::randn({24, 33});
  for (const auto reduction : reductions) {
    const at::Tensor out = segment_reduce(x, offsets, reduction);
    for (int64_t s = 0; s + 1 < offsets.numel(); ++s) {
      const at::Tensor rows = x.slice(0, offsets[s].item<int64_t>(), offsets[s + 1].item<int64_t>());
      EXPECT_TRUE(is_same_bits(segment_reduce(rows, offsets_of({rows.size(0)}), reduction)[0], out[s]));
    }
  }
}

TEST(SegmentReduce, HalfTypesAccumulateInSinglePrecision) {
  const at::Tensor x = at::ones({4000, 2}, at::kBFloat16);  // a bf16 running sum would stop at 256
  const at::Tensor out = segment_reduce(x, offsets_of({4000}), SegmentReduction::sum);
  EXPECT_NEAR(out[0][0].item<double>(), 4000, 16);
  EXPECT_EQ(out.scalar_type(), at::kBFloat16);
}

TEST(SegmentReduce, ManyEmptySegmentsAndManyThreadsMissNothing) {
  const int threads = at::get_num_threads();
  at::set_num_threads(5);
  const at::Tensor lengths = at::randint(0, 5, {40000}) * at::rand({40000}).gt(0.7);
  const at::Tensor offsets = at::cat({at::zeros({1}), lengths.cumsum(0)}).to(at::kLong);
  const at::Tensor x = at::ones({offsets[-1].item<int64_t>(), 8}, at::kDouble);
  const at::Tensor out = segment_reduce(x, offsets, SegmentReduction::sum);
  EXPECT_TRUE(is_same_bits(out, lengths.to(at::kDouble).view({-1, 1}).expand({-1, 8}).contiguous()));
  EXPECT_TRUE(is_same_bits(gradient_of(x, offsets, SegmentReduction::sum, at::ones_like(out)), x));
  at::set_num_threads(threads);
}

// Above 32 MB the gradient is written past the caches, by other instructions.
TEST(SegmentReduce, LargeGradientsAreWrittenWhole) {
  const at::Tensor offsets = offsets_of({3, 0, 70000, 60001, 1});
  for (const int64_t channels : {64, 70, 84}) {
    const at::Tensor grad = at::randn({5, channels}), x = at::randn({130005, channels});
    const at::Tensor counts = offsets.slice(0, 1) - offsets.slice(0, 0, -1);
    EXPECT_TRUE(is_same_bits(gradient_of(x, offsets, SegmentReduction::sum, grad), grad.repeat_interleave(counts, 0)));
    const at::Tensor gradient = gradient_of(x, offsets, SegmentReduction::max, grad);
    EXPECT_TRUE(is_same_bits(gradient.ne(0).sum(0), at::full({channels}, 4, at::kLong)));
  }
}

TEST(SegmentReduceSlow, AddressesBeyondTwoToThe31Elements) {
  TEV_SLOW_TEST(12);
  const int64_t rows = (int64_t(1) << 25) + 2;  // times 64 channels
  const at::Tensor x = at::zeros({rows, 64}, at::kBFloat16);
  x.slice(0, rows - 3).fill_(1);
  x.select(0, rows - 2).fill_(5);
  const at::Tensor offsets = at::tensor({int64_t(0), rows - 3, rows});
  EXPECT_EQ(segment_reduce(x, offsets, SegmentReduction::sum)[1][63].item<double>(), 7);
  const at::Tensor leaf = x.requires_grad_();
  const at::Tensor out = segment_reduce(leaf, offsets, SegmentReduction::max);
  EXPECT_EQ(out[1][0].item<double>(), 5);
  const at::Tensor gradient = torch::autograd::grad({out}, {leaf}, {at::ones_like(out)})[0];
  EXPECT_EQ(gradient.select(0, rows - 2).sum().item<double>(), 64);
  EXPECT_EQ(gradient.select(0, 0).sum().item<double>(), 64);
  EXPECT_EQ(gradient.select(0, rows - 1).sum().item<double>(), 0);
}

}  // namespace
}  // namespace tev
