// Pooling over kernel maps against a naive loop, on every device and dtype.

#include "kernels/sparse_pool/sparse_pool.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/check.hpp"
#include "kernels/cuda_library.hpp"
#include "tests/kernels/voxel_oracle.hpp"
#include "tests/kernels/device_type_test.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/reproducible.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;

const std::vector<SegmentReduction> kReductions = {SegmentReduction::sum, SegmentReduction::mean, SegmentReduction::max, SegmentReduction::min};

struct Pooled {
  at::Tensor out, grad_x;
};

/// The inputs of each output, tap by tap.
std::vector<std::vector<int64_t>> inputs_of(const Geometry& geometry) {
  std::vector<std::vector<int64_t>> inputs(geometry.outputs.numel());
  for (const auto& [output, tap, input] : slow_pairs(as_rows(voxel_coords(geometry.inputs)), as_rows(voxel_coords(geometry.outputs)), geometry.shape, false))
    inputs[output].push_back(input);
  return inputs;
}

/// The contract, output by output, in fp64.
Pooled naive_loop(const at::Tensor& x, const Geometry& geometry, SegmentReduction reduction, const at::Tensor& grad) {
  const auto inputs = inputs_of(geometry);
  Pooled pooled{at::zeros({geometry.outputs.numel(), x.size(1)}, at::kDouble), at::zeros_like(x)};
  auto value = pooled.out.accessor<double, 2>(), grad_x = pooled.grad_x.accessor<double, 2>();
  const auto from = x.accessor<double, 2>(), g = grad.accessor<double, 2>();
  for (size_t o = 0; o < inputs.size(); ++o)
    for (int64_t c = 0; c < x.size(1) && !inputs[o].empty(); ++c) {
      const double count = reduction == SegmentReduction::mean ? static_cast<double>(inputs[o].size()) : 1;
      int64_t winner = inputs[o][0];
      double sum = 0;
      for (const int64_t input : inputs[o]) {
        const double next = from[input][c];
        sum += next;
        if (reduction == SegmentReduction::max ? next > from[winner][c] : next < from[winner][c]) winner = input;
      }
      value[o][c] = keeps_row_index(reduction) ? from[winner][c] : sum / count;
      if (keeps_row_index(reduction)) grad_x[winner][c] += g[o][c];
      else for (const int64_t input : inputs[o]) grad_x[input][c] += g[o][c] / count;
    }
  return pooled;
}

class SparsePoolOn : public DeviceTypeTest {};

TEST_P(SparsePoolOn, EqualsTheNaiveLoopForwardAndBackward) {
  for (const auto& shape : convolution_shapes)
    for (const auto& [draws, channels] : {std::pair<int64_t, int64_t>{400, 5}, {150, 33}, {30, 1}, {30, 0}}) {
      const Geometry geometry = geometry_of(random_coords(draws, 4), shape), moved = to_device(geometry, device());
      for (const auto reduction : kReductions) {
        SCOPED_TRACE(c10::str(shape, ", ", channels, " channels, ", segment_reduction_name(reduction)));
        const at::Tensor x = rounded(at::randn({geometry.inputs.numel(), channels}, at::kDouble));
        const at::Tensor grad = rounded(at::randn({geometry.outputs.numel(), channels}, at::kDouble));
        const Pooled expected = naive_loop(x, geometry, reduction, grad);
        const at::Tensor ours = here(x).requires_grad_(), out = sparse_pool(ours, moved.maps, reduction);
        expect_near(out, expected.out);
        expect_near(torch::autograd::grad({out}, {ours}, {here(grad)})[0], expected.grad_x);
        EXPECT_TRUE(is_same_bits(sparse_pool(ours.detach(), moved.maps, reduction), out.detach()));  // without a gradient
      }
    }
}

TEST_P(SparsePoolOn, GivesTiesToTheLowestTapAndNaNsTheirWay) {
  const at::Tensor coords = at::tensor({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1}, at::kInt).view({5, 4});
  const Geometry geometry = to_device(geometry_of(coords, {{2, 2, 2}, {2, 2, 2}}), device());
  ASSERT_EQ(geometry.outputs.numel(), 2);
  const at::Tensor x = here(at::tensor({3.0, 3.0, 3.0, 1.0, NAN}).view({5, 1})).requires_grad_();
  for (const auto reduction : {SegmentReduction::max, SegmentReduction::min}) {
    const at::Tensor out = sparse_pool(x, geometry.maps, reduction);
    EXPECT_TRUE(is_same_bits(out, here(at::tensor({3.0, NAN}).view({2, 1})))) << out;
    const at::Tensor gradient = torch::autograd::grad({out}, {x}, {here(at::tensor({5.0, 7.0}).view({2, 1}))})[0];
    EXPECT_TRUE(is_same_bits(gradient, here(at::tensor({5.0, 0.0, 0.0, 0.0, 7.0}).view({5, 1})))) << gradient;
  }
  const at::Tensor infinite = here(at::full({5, 1}, -INFINITY)).requires_grad_();  // a maximum all the same
  EXPECT_EQ(torch::autograd::grad({sparse_pool(infinite, geometry.maps, SegmentReduction::max).sum()}, {infinite})[0].sum().item<double>(), 2);
}

TEST_P(SparsePoolOn, GivesZeroAndNoGradientWhereNothingIsJoined) {
  Geometry geometry{{}, voxel_index(at::tensor({0, 0, 0, 0, 7, 9, 9, 9}, at::kInt).view({2, 4})).keys,
                    voxel_index(at::tensor({0, 3, 0, 0, 2, 9, 9, 9}, at::kInt).view({2, 4})).keys, {}};
  geometry.maps = convolution_maps(geometry.inputs, geometry.outputs, {});
  geometry = to_device(geometry, device());
  for (const auto reduction : kReductions) {
    const at::Tensor x = here(at::full({2, 3}, -1)).requires_grad_(), out = sparse_pool(x, geometry.maps, reduction);
    EXPECT_TRUE(is_same_bits(out, here(at::zeros({2, 3}))));
    EXPECT_TRUE(is_same_bits(torch::autograd::grad({out.sum()}, {x})[0], here(at::zeros({2, 3}))));
  }
}

TEST_P(SparsePoolOn, TakesNoVoxels) {
  for (const auto& shape : convolution_shapes)
    for (const auto reduction : kReductions) {
      const Geometry geometry = to_device(geometry_of(at::zeros({0, 4}, at::kInt), shape), device());
      const at::Tensor x = here(at::zeros({0, 3})).requires_grad_(), out = sparse_pool(x, geometry.maps, reduction);
      EXPECT_EQ(out.sizes(), at::IntArrayRef({0, 3}));
      const auto gradient = torch::autograd::grad({out.sum()}, {x}, {}, std::nullopt, /*create_graph=*/true)[0];
      EXPECT_EQ(gradient.sizes(), x.sizes());
    }
}

TEST_P(SparsePoolOn, IgnoresStridesOfItsArguments) {
  const Geometry geometry = to_device(geometry_of(random_coords(200, 4), {{3, 3, 3}, {2, 2, 2}}), device());
  const at::Tensor x = here(at::randn({12, geometry.inputs.numel()}, at::kDouble)).t().slice(1, 0, 12, 2);
  const at::Tensor grad = here(at::randn({6, geometry.outputs.numel()}, at::kDouble)).t();
  for (const auto reduction : kReductions) {
    const auto run = [&](const at::Tensor& features, const at::Tensor& cotangent) {
      const at::Tensor leaf = features.detach().requires_grad_(), out = sparse_pool(leaf, geometry.maps, reduction);
      return at::cat({out.detach(), torch::autograd::grad({out}, {leaf}, {cotangent})[0]});
    };
    EXPECT_TRUE(is_same_bits(run(x, grad), run(x.contiguous(), grad.contiguous())));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SparsePoolOn, ::testing::Combine(::testing::Values(at::kCPU, at::kCUDA), ::testing::Values(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16)));

TEST(SparsePool, HasDerivativesOfBothOrders) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);  // thousands of small calls
  for (const auto& shape : convolution_shapes) {
    const Geometry geometry = geometry_of(random_coords(12, 2, 2), shape);
    for (const auto reduction : kReductions) {
      SCOPED_TRACE(c10::str(shape, ", ", segment_reduction_name(reduction)));
      const TensorFunction f = [&](const auto& t) { return sparse_pool(t[0], geometry.maps, reduction); };
      const std::vector<at::Tensor> inputs{at::randn({geometry.inputs.numel(), 2}, at::kDouble)};
      EXPECT_TRUE(gradcheck(f, inputs));
      EXPECT_TRUE(gradgradcheck(f, inputs));
    }
  }
  at::set_num_threads(before);
}

TEST(SparsePool, OfSumsIsTheAdjointOfItsTransposed) {
  for (const auto& shape : convolution_shapes) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(random_coords(300, 5), shape);
    const KernelMap up = kernel_map(geometry.outputs, geometry.inputs, shape, true);
    const at::Tensor x = at::randn({geometry.inputs.numel(), 4}, at::kDouble), y = at::randn({geometry.outputs.numel(), 4}, at::kDouble);
    const double forward = (sparse_pool(x, {geometry.maps.forward, up}, SegmentReduction::sum) * y).sum().item<double>();
    const double backward = (x * sparse_pool(y, {up, geometry.maps.forward}, SegmentReduction::sum)).sum().item<double>();
    EXPECT_NEAR(forward, backward, 1e-10 * std::max(1.0, std::abs(forward)));
  }
}

TEST(SparsePool, IsTheSameForAnyNumberOfThreadsAndAnyRun) {
  for (const auto& shape : {ConvolutionShape{}, ConvolutionShape{{2, 2, 2}, {2, 2, 2}}}) {
    const Geometry geometry = geometry_of(random_coords(8000, 11), shape);
    const at::Tensor x = at::randn({geometry.inputs.numel(), 24}).requires_grad_();
    const auto run = [&] {
      std::vector<at::Tensor> all;
      for (const auto reduction : kReductions) {
        const at::Tensor out = sparse_pool(x, geometry.maps, reduction);
        all.push_back(out.detach());
        all.push_back(torch::autograd::grad({out}, {x}, {cotangent_like(out)})[0]);
      }
      return all;
    };
    expect_same_for_threads(run);
  }
}

TEST(SparsePool, HasAPortableForm) {
  for (const auto& shape : convolution_shapes)
    for (const int64_t draws : {0, 120}) {
      const Geometry geometry = geometry_of(random_coords(draws, 3), shape);
      const at::Tensor outputs = voxel_index(random_coords(draws, 9)).keys;  // some of which no tap joins
      const at::Tensor table = kernel_table_portable(geometry.inputs, outputs, shape, false);
      const ConvolutionMaps maps = convolution_maps(geometry.inputs, outputs, shape);
      for (const auto reduction : kReductions)
        for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
          SCOPED_TRACE(c10::str(shape, ", ", segment_reduction_name(reduction), ", ", type));
          const at::Tensor x = at::randn({geometry.inputs.numel(), 5}, at::kDouble).to(type).requires_grad_();
          const at::Tensor ours = sparse_pool(x, maps, reduction), theirs = sparse_pool_portable(x, table, reduction);
          EXPECT_TRUE(is_close(theirs, ours));
          if (keeps_row_index(reduction) && type == at::kBFloat16) continue;  // ties, whose gradient the portable form shares
          const at::Tensor grad = at::randn(ours.sizes(), at::kDouble).to(type);
          EXPECT_TRUE(is_close(torch::autograd::grad({theirs}, {x}, {grad})[0], torch::autograd::grad({ours}, {x}, {grad})[0]));
        }
    }
}

TEST(SparsePool, AsksForTheReverseWhereTheMapIsNotItsOwn) {
  at::Tensor apart = random_coords(20, 30);  // as many coarse voxels as fine ones
  apart.slice(1, 1).mul_(8);
  const Geometry geometry = geometry_of(apart, {{2, 2, 2}, {2, 2, 2}});
  ASSERT_EQ(geometry.inputs.numel(), geometry.outputs.numel());
  for (const auto reduction : kReductions) {
    const at::Tensor x = at::randn({geometry.inputs.numel(), 3}).requires_grad_();
    const auto gradient = [&](const ConvolutionMaps& maps) { return torch::autograd::grad({sparse_pool(x, maps, reduction).sum()}, {x})[0]; };
    EXPECT_NE(error_of<Error>([&] { gradient({geometry.maps.forward, std::nullopt}); }).find("needs the reverse of the map"), std::string::npos);
    gradient(geometry.maps);
  }
}

TEST(SparsePool, SaysWhatIsWrong) {
  const Geometry geometry = geometry_of(random_coords(200, 4), {}), coarse = geometry_of(random_coords(200, 4), {{2, 2, 2}, {2, 2, 2}});
  const int64_t n = geometry.inputs.numel();
  const at::Tensor x = at::randn({n, 3});
  const auto error = [&](const at::Tensor& features, const ConvolutionMaps& maps) { return error_of<Error>([&] { sparse_pool(features, maps, SegmentReduction::max); }); };
  const auto expect = [](const std::string& error, const std::string& part) { EXPECT_NE(error.find(part), std::string::npos) << error; };
  expect(error(x.to(at::kInt), geometry.maps), "tev::sparse_pool: x has dtype Int (float16, bfloat16, float32 or float64 was expected)");
  expect(error(x[0], geometry.maps), "tev::sparse_pool: x has shape [3] ([voxels, channels] was expected)");
  expect(error(x.slice(0, 1), geometry.maps), "x has " + std::to_string(n - 1) + " rows (" + std::to_string(n) + " were expected, the outputs of the map, as there is no reverse map)");
  expect(error(at::randn({1, 3}), coarse.maps), "x has 1 rows (" + std::to_string(coarse.inputs.numel()) + " were expected, the outputs of the reverse map)");
  ConvolutionMaps wrong = geometry.maps;
  wrong.forward.halo_offsets = wrong.forward.halo_offsets.slice(0, 1);
  expect(error(x, wrong), " tiles for " + std::to_string(n) + " outputs (a map from tev::kernel_map was expected)");
  wrong = geometry.maps;
  wrong.forward.tap_offsets = wrong.forward.tap_offsets.slice(0, 0, -1);
  if (wrong.forward.halo_offsets.numel() > 2) { expect(error(x, wrong), "tiles (as many for each were expected). Take maps from tev::kernel_map."); }
  wrong = geometry.maps;
  wrong.forward.halo = wrong.forward.halo + static_cast<int>(n);
  expect(error(x, wrong), "the map names inputs that are not among the " + std::to_string(n) + " rows of x");
  wrong = geometry.maps;
  wrong.forward.mask = wrong.forward.mask.to(at::kLong);
  expect(error(x, wrong), "tensor 4 of map is Long");
}

}  // namespace
}  // namespace tev
