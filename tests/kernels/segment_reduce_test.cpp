#include "kernels/segment_reduce/segment_reduce.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
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
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/device_support.hpp"
#include "kernels/segment_reduce/segment_blocks.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using testing::gradcheck;
using testing::gradgradcheck;
using testing::is_close;
using testing::is_same_bits;

constexpr SegmentReduction reductions[] = {SegmentReduction::sum, SegmentReduction::mean, SegmentReduction::max,
                                           SegmentReduction::min};

at::Tensor offsets_of(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> offsets = {0};
  for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return at::tensor(offsets, at::kLong);
}

/// Empty segments in front, in the middle and at the end.
at::Tensor ragged_offsets() { return offsets_of({0, 0, 3, 1, 0, 7, 2, 0, 0, 11, 0}); }

/// No two equal values in a column, far apart compared with the step of gradcheck.
at::Tensor distinct_values(at::IntArrayRef shape) {
  const int64_t count = c10::multiply_integers(shape);
  return at::arange(count, at::kDouble).mul(2654435761.0).remainder(977.0).div(100.0).sub(4.0).view(shape);
}

/// The definition, one scalar at a time.
double reduce_scalars(const std::vector<double>& values, SegmentReduction reduction) {
  if (values.empty()) return 0;
  double result = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    if (reduction == SegmentReduction::max || reduction == SegmentReduction::min) {
      const bool better = reduction == SegmentReduction::max ? values[i] > result : values[i] < result;
      if (!std::isnan(result) && (better || std::isnan(values[i]))) result = values[i];
    } else {
      result += values[i];
    }
  }
  return reduction == SegmentReduction::mean ? result / static_cast<double>(values.size()) : result;
}

at::Tensor naive_loop(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction) {
  const at::Tensor flat = x.cpu().to(at::kDouble).reshape({x.size(0), c10::multiply_integers(x.sizes().slice(1))});
  const at::Tensor ends_cpu = offsets.cpu();
  at::Tensor out = at::zeros({ends_cpu.numel() - 1, flat.size(1)}, at::kDouble);
  const auto ends = ends_cpu.accessor<int64_t, 1>();
  const auto rows = flat.accessor<double, 2>();
  auto results = out.accessor<double, 2>();
  for (int64_t s = 0; s < out.size(0); ++s)
    for (int64_t c = 0; c < out.size(1); ++c) {
      std::vector<double> values;
      for (int64_t r = ends[s]; r < ends[s + 1]; ++r) values.push_back(rows[r][c]);
      results[s][c] = reduce_scalars(values, reduction);
    }
  std::vector<int64_t> shape = x.sizes().vec();
  shape[0] = out.size(0);
  return out.view(shape).to(x.scalar_type());
}

at::Tensor gradient_of(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction,
                       const at::Tensor& grad_out) {
  const at::Tensor leaf = x.detach().clone().requires_grad_();
  return torch::autograd::grad({segment_reduce(leaf, offsets, reduction)}, {leaf}, {grad_out})[0];
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class SegmentReduceOn : public ::testing::TestWithParam<std::tuple<at::DeviceType, at::ScalarType>> {
 protected:
  void SetUp() override {
    if (device() == at::kCUDA && !at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
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
  if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
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

/// Free memory in bytes, as Linux estimates it.
int64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    int64_t kilobytes = 0;
    file >> kilobytes;
    std::getline(file, unit);
    if (key == "MemAvailable:") return kilobytes * 1024;
  }
  return 0;
}

// Run by the CTest entry kernels_slow.
TEST(SegmentReduceSlow, AddressesBeyondTwoToThe31Elements) {
  if (std::getenv("TEVATRAIN_SLOW_TESTS") == nullptr) GTEST_SKIP() << "TEVATRAIN_SLOW_TESTS is not set";
  if (available_memory() < (int64_t(12) << 30)) GTEST_SKIP() << "needs 12 GB of memory";
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

TEST(SegmentBlocks, AreEachVisitedOnceByAnyNumberOfThreads) {
  const at::Tensor offsets = offsets_of({0, 0, 10, 11, 5, 0, 100, 1, 20, 0, 37, 0});
  const int64_t* values = offsets.const_data_ptr<int64_t>();
  const SegmentBlocks blocks(values, 12, /*block_rows=*/10);
  ASSERT_EQ(blocks.num_slots(), 2 + 10 + 2 + 4);
  const int threads = at::get_num_threads();
  for (const int count : {1, 2, 3, 5, 8}) {
    at::set_num_threads(count);
    std::vector<std::atomic<int>> row_visits(184), slot_visits(18), whole_visits(12);
    blocks.parallel_for(/*grain=*/1, [&](int64_t segment, int64_t begin, int64_t end, int64_t slot) {
      EXPECT_LE(values[segment], begin);
      EXPECT_LE(end, values[segment + 1]);
      for (int64_t row = begin; row < end; ++row) ++row_visits[row];
      ++(slot == SegmentBlocks::no_slot ? whole_visits[segment] : slot_visits[slot]);
    }, [] {});
    for (const auto& visits : row_visits) EXPECT_EQ(visits, 1);
    for (const auto& visits : slot_visits) EXPECT_EQ(visits, 1);
    for (int64_t s = 0; s < 12; ++s) EXPECT_EQ(whole_visits[s], values[s + 1] - values[s] <= 10 ? 1 : 0) << s;
  }
  at::set_num_threads(threads);
}

TEST(SegmentReduce, MetaTensorsGiveShapesOnly) {
  const at::TensorOptions meta(at::kMeta);
  const at::Tensor x = at::empty({24, 5, 2}, meta.dtype(at::kHalf)), offsets = at::empty({12}, meta.dtype(at::kLong));
  for (const auto reduction : reductions) {
    const at::Tensor out = segment_reduce(x, offsets, reduction);
    EXPECT_EQ(out.sizes(), at::IntArrayRef({11, 5, 2}));
    EXPECT_EQ(out.scalar_type(), at::kHalf);
    EXPECT_TRUE(out.is_meta());
    const at::Tensor leaf = x.detach().requires_grad_();
    const auto gradient = torch::autograd::grad({segment_reduce(leaf, offsets, reduction)}, {leaf}, {out});
    EXPECT_EQ(gradient[0].sizes(), x.sizes());
  }
}

TEST(SegmentReduce, TracedPortableFormFitsOtherSizesAndNeedsNoLibrary) {
  for (const auto reduction : reductions) {
    const at::Tensor x = distinct_values({24, 3}).to(at::kFloat);
    std::vector<c10::IValue> inputs = {x, ragged_offsets()};
    const PortableGuard portable;
    const auto traced = torch::jit::tracer::trace(
        inputs,
        [&](const std::vector<c10::IValue>& arguments) -> std::vector<c10::IValue> {
          return {segment_reduce(arguments[0].toTensor(), arguments[1].toTensor(), reduction)};
        },
        [](const at::Tensor&) { return std::string(); });
    for (const auto* node : traced.first->graph->nodes())
      EXPECT_TRUE(node->kind().is_aten() || node->kind().is_prim()) << node->kind().toQualString();
    torch::jit::GraphExecutor executor(traced.first->graph, "segment_reduce");
    const std::vector<std::vector<int64_t>> others = {
        {3}, {0}, {}, {4, 0, 1}, {0, 9, 200, 0, 0, 2, 5, 1, 1, 0, 7, 8}};
    for (const auto& lengths : others) {
      const at::Tensor offsets = offsets_of(lengths);
      const at::Tensor rows = at::randn({offsets[-1].item<int64_t>(), 3});
      std::vector<c10::IValue> stack = {rows, offsets};
      executor.run(stack);
      EXPECT_TRUE(is_close(stack[0].toTensor(), naive_loop(rows, offsets, reduction)));
    }
  }
}

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

TEST(SegmentReduceErrors, NameTheProblemAndWhatWasExpected) {
  const at::Tensor x = at::zeros({4, 2}), offsets = offsets_of({1, 3});
  const auto message = [](const at::Tensor& values, const at::Tensor& ends) {
    return message_of([&] { segment_reduce(values, ends, SegmentReduction::sum); });
  };
  const std::string where = "tev::segment_reduce: ";
  EXPECT_EQ(message(x.to(at::kLong), offsets),
            where + "x has dtype Long (float16, bfloat16, float32 or float64 was expected).");
  EXPECT_EQ(message(at::zeros({}), offsets), where + "x is a scalar (rows along dimension 0 were expected).");
  EXPECT_EQ(message(x, offsets.to(at::kInt)), where + "offsets has dtype Int (int64 was expected).");
  EXPECT_EQ(message(x, offsets.view({1, 3})), where + "offsets has 2 dimensions (1 was expected: [segments + 1]).");
  EXPECT_EQ(message(x, offsets.slice(0, 0, 0)),
            where + "offsets is empty (segments + 1 numbers were expected: at least the 0).");
  EXPECT_EQ(message(x, offsets.to(at::kMeta)), where + "offsets is on meta (cpu was expected, where the values are).");
}

TEST(SegmentReduceErrors, ValuesOfOffsetsAreCheckedInEveryForm) {
  const at::Tensor x = at::zeros({4, 2});
  for (const bool is_portable : {false, true}) {
    const PortableGuard guard(is_portable);
    const auto message = [&](std::vector<int64_t> offsets) {
      return message_of([&] { segment_reduce(x, at::tensor(offsets, at::kLong), SegmentReduction::max); });
    };
    const std::string where = "tev::segment_reduce: offsets ";
    EXPECT_EQ(message({1, 4}), where + "starts with 1 (0 was expected).");
    EXPECT_EQ(message({0, 3, 2, 4}),
              where + "falls from 3 to 2 at position 2 (nondecreasing numbers were expected).");
    EXPECT_EQ(message({0, 5}), where + "ends with 5 (4 was expected, the number of rows).");
    EXPECT_EQ(message({0, 3}), where + "ends with 3 (4 was expected, the number of rows).");
  }
}

TEST(SegmentReduceErrors, BackwardChecksItsArgumentsToo) {
  const auto op = c10::Dispatcher::singleton()
                      .findSchemaOrThrow("tev::segment_reduce_backward", "")
                      .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::string_view,
                                        c10::SymInt)>();
  const at::Tensor offsets = offsets_of({1, 3}), no_arg = at::empty({0}, at::kLong);
  const auto message = [&](const at::Tensor& grad, const at::Tensor& arg, const char* reduce, int64_t num_rows) {
    return message_of([&] { op.call(grad, offsets, arg, reduce, num_rows); });
  };
  EXPECT_EQ(message(at::zeros({3, 2}), no_arg, "sum", 4),
            "tev::segment_reduce_backward: grad has 3 rows (2 were expected, one a segment).");
  EXPECT_EQ(message(at::zeros({2, 2}), no_arg, "max", 4),
            "tev::segment_reduce_backward: arg has shape [0] ([2, 2] was expected, the shape of grad).");
  EXPECT_EQ(message(at::zeros({2, 2}), no_arg, "sum", 5),
            "tev::segment_reduce: offsets ends with 4 (5 was expected, the number of rows).");
}

TEST(SegmentReduceErrors, UnknownReductionNamesTheKnownOnes) {
  EXPECT_EQ(message_of([] { segment_reduction_from("maxx"); }),
            "tev::segment_reduce: reduce is 'maxx' (known: sum, mean, max, min). Did you mean 'max'?");
}

TEST(DeviceSupport, SaysWhatTheLibraryWasBuiltFor) {
  EXPECT_NO_THROW(check_device_support("tev::op", c10::Device("cpu")));
  EXPECT_NO_THROW(check_device_support("tev::op", c10::Device("meta")));
#if defined(TEV_WITH_CUDA)
  EXPECT_NO_THROW(check_device_support("tev::op", c10::Device("cuda:0")));
#else
  EXPECT_EQ(message_of([] { check_device_support("tev::op", c10::Device("cuda:0")); }),
            "tev::op: a tensor is on cuda:0 (this library was built for the CPU only). Move the tensors to a device of "
            "that list, or build with the preset that compiles for cuda:0.");
#endif
}

}  // namespace
}  // namespace tev
