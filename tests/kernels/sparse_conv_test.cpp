// Values of sparse_conv against a dense convolution and a sum over pairs, on every device and dtype.

#include "kernels/sparse_conv/sparse_conv.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/cuda_library.hpp"
#include "kernels/sparse_conv/tile_kernels_choice.hpp"
#include "tests/kernels/voxel_oracle.hpp"
#include "tests/kernels/device_type_test.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/reproducible.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;


/// The sum over pairs, fp64, differentiable.
at::Tensor sum_over_pairs(const at::Tensor& x, const at::Tensor& weight, const Geometry& geometry) {
  std::vector<std::vector<int64_t>> inputs(weight.size(0)), outputs(weight.size(0));
  for (const auto& [output, tap, input] : slow_pairs(as_rows(voxel_coords(geometry.inputs)), as_rows(voxel_coords(geometry.outputs)), geometry.shape, false)) {
    inputs[tap].push_back(input);
    outputs[tap].push_back(output);
  }
  at::Tensor out = at::zeros({geometry.outputs.numel(), weight.size(2)}, at::kDouble);
  for (int64_t tap = 0; tap < weight.size(0); ++tap)
    out = out.index_add(0, at::tensor(outputs[tap], at::kLong), x.index_select(0, at::tensor(inputs[tap], at::kLong)).matmul(weight[tap]));
  return out;
}

/// A dense convolution of all voxels from 0 to `extent`, read where outputs are.
at::Tensor dense_convolution(const at::Tensor& x, const at::Tensor& weight, const Geometry& geometry, int64_t events, int64_t extent) {
  const auto& shape = geometry.shape;
  const auto at_voxels = [](const at::Tensor& keys) {
    const at::Tensor c = voxel_coords(keys).to(at::kLong);
    return c10::List<std::optional<at::Tensor>>({c.select(1, 0), c.select(1, 1), c.select(1, 2), c.select(1, 3)});
  };
  at::Tensor grid = at::zeros({events, extent, extent, extent, x.size(1)}, x.options());
  grid.index_put_(at_voxels(geometry.inputs), x);
  std::vector<int64_t> pad;
  for (int i = 2; i >= 0; --i) {
    const int64_t all = shape.dilation[i] * (shape.size[i] - 1);
    pad.insert(pad.end(), {all / 2, all - all / 2 + shape.stride[i] * extent});  // for outputs up to the extent
  }
  const at::Tensor taps = weight.view({shape.size[0], shape.size[1], shape.size[2], weight.size(1), weight.size(2)}).permute({4, 3, 0, 1, 2});
  const at::Tensor dense = at::conv3d(at::constant_pad_nd(grid.permute({0, 4, 1, 2, 3}), pad), taps, {}, shape.stride, at::IntArrayRef({0, 0, 0}), shape.dilation);
  return dense.permute({0, 2, 3, 4, 1}).index(at_voxels(geometry.outputs));
}

class SparseConvOn : public DeviceTypeTest {};

TEST_P(SparseConvOn, EqualsADenseConvolution) {
  for (const auto& shape : convolution_shapes) {
    SCOPED_TRACE(c10::str(shape));
    const int64_t extent = 7;
    at::Tensor coords = random_coords(400, extent).abs();
    const at::Tensor inside = std::get<0>(at::unique_dim(coords.clamp_max(extent - 1), 0));
    const Geometry all = geometry_of(inside, shape);
    // Coarse voxels below 0 read what a dense output does not have.
    Geometry geometry = all;
    geometry.outputs = all.outputs.masked_select(voxel_coords(all.outputs).ge(0).all(1));
    geometry.maps.forward = kernel_map(geometry.inputs, geometry.outputs, shape);
    geometry.maps.reverse = kernel_map(geometry.outputs, geometry.inputs, shape, true);
    const at::Tensor x = rounded(at::randn({geometry.inputs.numel(), 5}, at::kDouble)), weight = rounded(at::randn({shape.num_taps(), 5, 7}, at::kDouble));
    expect_near(sparse_conv(here(x), here(weight), {}, to_device(geometry, device()).maps), dense_convolution(x, weight, geometry, 3, extent));
  }
}

TEST_P(SparseConvOn, EqualsTheSumOverPairsForAnyNumberOfChannels) {
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {4, 16}, {16, 31}, {33, 32}, {17, 48}, {5, 100}, {0, 3}, {3, 0}}) {
    SCOPED_TRACE(c10::str(in, " to ", out, " channels"));
    const Geometry geometry = geometry_of(random_coords(300, 4), {});
    const at::Tensor x = rounded(at::randn({geometry.inputs.numel(), in}, at::kDouble)), weight = rounded(at::randn({27, in, out}, at::kDouble));
    const at::Tensor bias = rounded(at::randn({out}, at::kDouble));
    expect_near(sparse_conv(here(x), here(weight), here(bias), to_device(geometry, device()).maps), sum_over_pairs(x, weight, geometry) + bias);
  }
}

TEST_P(SparseConvOn, GradientsEqualThoseOfTheSumOverPairs) {
  for (const auto& shape : convolution_shapes) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(random_coords(200, 4), shape), moved = to_device(geometry, device());
    std::vector<at::Tensor> slow{rounded(at::randn({geometry.inputs.numel(), 6}, at::kDouble)), rounded(at::randn({shape.num_taps(), 6, 9}, at::kDouble)),
                                 rounded(at::randn({9}, at::kDouble))};
    std::vector<at::Tensor> ours;
    for (auto& tensor : slow) {
      ours.push_back(here(tensor).requires_grad_());
      tensor.requires_grad_();
    }
    const at::Tensor expected = sum_over_pairs(slow[0], slow[1], geometry) + slow[2] + 0 * (slow[0].sum() + slow[1].sum());
    const at::Tensor cotangent = rounded(at::randn(expected.sizes(), at::kDouble));
    const auto slow_gradients = torch::autograd::grad({expected}, slow, {cotangent});
    const auto gradients = torch::autograd::grad({sparse_conv(ours[0], ours[1], ours[2], moved.maps)}, ours, {here(cotangent)});
    for (size_t i = 0; i < slow.size(); ++i) expect_near(gradients[i], slow_gradients[i]);
  }
}

TEST_P(SparseConvOn, IgnoresStridesOfItsArguments) {
  const Geometry geometry = to_device(geometry_of(random_coords(200, 4), {}), device());
  const at::Tensor x = here(at::randn({12, geometry.inputs.numel()}, at::kDouble)).t().slice(1, 0, 12, 2), weight = here(at::randn({8, 6, 27}, at::kDouble)).permute({2, 1, 0});
  EXPECT_TRUE(is_same_bits(sparse_conv(x, weight, {}, geometry.maps), sparse_conv(x.contiguous(), weight.contiguous(), {}, geometry.maps)));
}

TEST_P(SparseConvOn, GivesTheBiasWhereNothingIsJoined) {
  Geometry geometry{{}, voxel_index(at::tensor({0, 0, 0, 0, 0, 9, 9, 9}, at::kInt).view({2, 4})).keys,
                    voxel_index(at::tensor({0, 3, 0, 0, 1, 9, 9, 9}, at::kInt).view({2, 4})).keys, {}};
  geometry.maps = convolution_maps(geometry.inputs, geometry.outputs, {});
  geometry = to_device(geometry, device());
  const at::Tensor weight = here(at::randn({27, 3, 4}));
  const at::Tensor bias = here(at::tensor({1.0, 2.0, 3.0, 4.0}));
  const at::Tensor out = sparse_conv(here(at::ones({2, 3})), weight, bias, geometry.maps);
  EXPECT_TRUE(is_same_bits(out, bias.expand({2, 4}).contiguous()));
}

TEST_P(SparseConvOn, TakesNoVoxels) {
  for (const auto& shape : convolution_shapes) {
    const Geometry geometry = to_device(geometry_of(at::zeros({0, 4}, at::kInt), shape), device());
    at::Tensor x = here(at::zeros({0, 3})).requires_grad_(), weight = here(at::ones({shape.num_taps(), 3, 2})).requires_grad_(), bias = here(at::ones({2})).requires_grad_();
    const at::Tensor out = sparse_conv(x, weight, bias, geometry.maps);
    EXPECT_EQ(out.sizes(), at::IntArrayRef({0, 2}));
    const auto gradients = torch::autograd::grad({out.sum()}, {x, weight, bias});
    EXPECT_EQ(gradients[0].sizes(), x.sizes());
    EXPECT_EQ(gradients[1].abs().sum().item<double>(), 0);
    EXPECT_EQ(gradients[2].abs().sum().item<double>(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SparseConvOn, ::testing::Combine(::testing::Values(at::kCPU, at::kCUDA), ::testing::Values(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16)));

TEST(SparseConv, HasDerivativesOfBothOrders) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);  // thousands of small calls
  for (const auto& shape : convolution_shapes) {
    SCOPED_TRACE(c10::str(shape));
    if (shape.num_taps() > 15) continue;
    const Geometry geometry = geometry_of(random_coords(12, 2, 2), shape);
    const TensorFunction f = [&](const auto& t) { return sparse_conv(t[0], t[1], t[2], geometry.maps); };
    const std::vector<at::Tensor> inputs{at::randn({geometry.inputs.numel(), 2}, at::kDouble), at::randn({shape.num_taps(), 2, 3}, at::kDouble), at::randn({3}, at::kDouble)};
    EXPECT_TRUE(gradcheck(f, inputs));
    EXPECT_TRUE(gradgradcheck(f, inputs));
  }
  at::set_num_threads(before);
}

TEST(SparseConv, IsTheAdjointOfItsTransposed) {
  for (const auto& shape : convolution_shapes) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(random_coords(300, 5), shape);
    const KernelMap up = kernel_map(geometry.outputs, geometry.inputs, shape, true);
    const at::Tensor x = at::randn({geometry.inputs.numel(), 4}, at::kDouble), y = at::randn({geometry.outputs.numel(), 5}, at::kDouble), weight = at::randn({shape.num_taps(), 4, 5}, at::kDouble);
    const double forward = (sparse_conv(x, weight, {}, {geometry.maps.forward, up}) * y).sum().item<double>();
    const double backward = (x * sparse_conv(y, weight.transpose(1, 2), {}, {up, geometry.maps.forward})).sum().item<double>();
    EXPECT_NEAR(forward, backward, 1e-10 * std::max(1.0, std::abs(forward)));
  }
}

TEST(SparseConv, OfAnImpulseIsTheKernel) {
  const at::Tensor coords = at::stack({at::zeros({125}, at::kInt), at::arange(125, at::kInt).div(25, "floor"), at::arange(125, at::kInt).div(5, "floor").remainder(5), at::arange(125, at::kInt).remainder(5)}, 1);
  const Geometry geometry = geometry_of(coords, {});
  const at::Tensor weight = at::randn({27, 1, 2}, at::kDouble);
  at::Tensor x = at::zeros({125, 1}, at::kDouble);
  x[62] = 1;  // (2, 2, 2)
  const at::Tensor grid = sparse_conv(x, weight, {}, geometry.maps).view({5, 5, 5, 2}), centre = grid.slice(0, 1, 4).slice(1, 1, 4).slice(2, 1, 4);
  EXPECT_TRUE(is_same_bits(centre.reshape({27, 2}), weight.flip(0).view({27, 2})));
  EXPECT_EQ(grid.ne(0).sum().item<int64_t>(), 54);
}

TEST(SparseConv, IsTheSameForAnyNumberOfThreadsAndAnyRun) {
  const Geometry geometry = geometry_of(random_coords(8000, 11), {});
  at::Tensor x = at::randn({geometry.inputs.numel(), 24}).requires_grad_(), weight = at::randn({27, 24, 40}).requires_grad_(), bias = at::randn({40}).requires_grad_();
  const auto run = [&] {
    const at::Tensor out = sparse_conv(x, weight, bias, geometry.maps);
    auto all = torch::autograd::grad({out}, {x, weight, bias}, {cotangent_like(out)});
    all.push_back(out.detach());
    return all;
  };
  expect_same_for_threads(run);
}

TEST(SparseConv, FollowsThePermutationOfTheRowsToTheBit) {
  const at::Tensor coords = random_coords(500, 5), x = at::randn({coords.size(0), 6}), weight = at::randn({27, 6, 6}), permutation = at::randperm(coords.size(0), at::kLong);
  const auto outside = [&](const at::Tensor& rows, const at::Tensor& features) {
    const VoxelIndex index = voxel_index(rows);
    const KernelMap map = kernel_map(index.keys, index.keys, {});
    return sparse_conv(to_voxels(features, index), weight, {}, {map, {}}).index_select(0, index.inverse);
  };
  EXPECT_TRUE(is_same_bits(outside(coords.index_select(0, permutation), x.index_select(0, permutation)), outside(coords, x).index_select(0, permutation)));
}

TEST(SparseConv, KeepsEventsApart) {
  const at::Tensor coords = random_coords(300, 3, 1);
  at::Tensor moved = coords.clone();
  moved.select(1, 0).fill_(7);
  const Geometry one = geometry_of(coords, {}), both = geometry_of(at::cat({coords, moved}), {});
  const int64_t n = one.inputs.numel();
  const at::Tensor x = at::randn({n, 3}), weight = at::randn({27, 3, 3});
  const at::Tensor alone = sparse_conv(x, weight, {}, one.maps), beside = sparse_conv(at::cat({x, at::full({n, 3}, NAN)}), weight, {}, both.maps);
  EXPECT_TRUE(is_same_bits(beside.slice(0, 0, n), alone));
  EXPECT_TRUE(beside.slice(0, n).isnan().all().item<bool>());
}

TEST(SparseConv, KeepsWeightsOfFloatsBesideHalfTypes) {
  const Geometry geometry = geometry_of(random_coords(300, 4), {});
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    at::Tensor x = at::randn({geometry.inputs.numel(), 8}).to(type).requires_grad_(), weight = at::randn({27, 8, 8}).requires_grad_(), bias = at::randn({8}).requires_grad_();
    const at::Tensor out = sparse_conv(x, weight, bias, geometry.maps);
    EXPECT_EQ(out.scalar_type(), type);
    const auto gradients = torch::autograd::grad({out}, {x, weight, bias}, {cotangent_like(out)});
    EXPECT_EQ(gradients[0].scalar_type(), type);
    const at::Tensor wide = x.detach().to(at::kFloat), cotangent = cotangent_like(out).to(at::kFloat);
    const auto expected = torch::autograd::grad({sparse_conv(wide, weight, bias, geometry.maps)}, {weight, bias}, {cotangent});
    EXPECT_TRUE(is_same_bits(gradients[1], expected[0]));  // never rounded to a half type
    EXPECT_TRUE(is_same_bits(gradients[2], expected[1]));
    EXPECT_TRUE(is_close(out, sparse_conv(x.detach().to(at::kFloat), weight.detach(), bias.detach(), geometry.maps).to(type)));
  }
}

TEST(SparseConv, HasAPortableForm) {
  for (const auto& shape : convolution_shapes) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(random_coords(300, 4), shape);
    const at::Tensor x = at::randn({geometry.inputs.numel(), 5}, at::kDouble), weight = at::randn({shape.num_taps(), 5, 3}, at::kDouble), bias = at::randn({3}, at::kDouble);
    const at::Tensor table = kernel_table_portable(geometry.inputs, geometry.outputs, shape, false);
    EXPECT_TRUE(is_close(sparse_conv_portable(x, weight, bias, table), sparse_conv(x, weight, bias, geometry.maps)));
  }
}

TEST(SparseConv, RefusesAMapWhereATraceMustNotNeedIt) {
  const Geometry geometry = geometry_of(random_coords(300, 4), {});
  const PortableGuard portable;
  const std::string map = error_of<Error>([&] { kernel_map(geometry.inputs, geometry.outputs, {}); });
  EXPECT_NE(map.find("tev::kernel_map: a map has no portable form"), std::string::npos) << map;
  const std::string convolution = error_of<Error>([&] { sparse_conv(at::ones({geometry.inputs.numel(), 1}), at::ones({27, 1, 1}), {}, geometry.maps); });
  EXPECT_NE(convolution.find("Take tev::kernel_table_portable and tev::sparse_conv_portable"), std::string::npos) << convolution;
}

template <class T>
void expect_equal_kernels(const TileKernels<T>& ours, const TileKernels<T>& baseline) {
  const int64_t channels = 21, columns = 2 * ours.vector, places = 9, rows = 128;
  const at::Tensor halo = at::randn({places, channels}, c10::CppTypeToScalarType<T>::value), weight = at::randn({channels, columns}, halo.options());
  for (const int64_t num_pairs : {0, 1, 5, 8, 23, 100}) {
    std::vector<int32_t> pairs;
    for (int64_t i = 0; i < num_pairs; ++i) pairs.push_back(kernel_map_math::pack_pair(static_cast<int32_t>(5 * i % places), static_cast<int32_t>(i)));
    for (const int64_t width : {ours.vector, columns}) {
      const at::Tensor panel = weight.slice(1, 0, width).contiguous(), start = at::randn({rows, width}, halo.options());
      at::Tensor tile = start.clone(), expected = start.clone();
      ours.multiply(halo.const_data_ptr<T>(), channels, panel.const_data_ptr<T>(), width, pairs.data(), num_pairs, tile.mutable_data_ptr<T>(), width);
      for (int64_t c = 0; c < width; ++c) {  // the baseline takes one column at a time
        const at::Tensor column = panel.select(1, c).contiguous();
        baseline.multiply(halo.const_data_ptr<T>(), channels, column.const_data_ptr<T>(), 1, pairs.data(), num_pairs, expected.mutable_data_ptr<T>() + c, width);
      }
      EXPECT_TRUE(is_same_bits(tile, expected));
      at::Tensor product = at::zeros({channels, width}, halo.options()), expected_product = product.clone();
      ours.multiply_transposed(halo.const_data_ptr<T>(), channels, start.const_data_ptr<T>(), width, pairs.data(), num_pairs, product.mutable_data_ptr<T>(), width);
      for (int64_t c = 0; c < width; ++c)
        baseline.multiply_transposed(halo.const_data_ptr<T>(), channels, start.const_data_ptr<T>() + c, 1, pairs.data(), num_pairs, expected_product.mutable_data_ptr<T>() + c, width);
      EXPECT_TRUE(is_same_bits(product, expected_product));
    }
  }
}

TEST(SparseConv, HasTheSameBitsFromEveryInstructionSet) {
  expect_equal_kernels(choose_tile_kernels<float>(), tile_kernels_baseline<float>());
  expect_equal_kernels(choose_tile_kernels<double>(), tile_kernels_baseline<double>());
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::avx512) {
    expect_equal_kernels(tile_kernels_avx2<float>(), tile_kernels_baseline<float>());
    expect_equal_kernels(tile_kernels_avx2<double>(), tile_kernels_baseline<double>());
  }
#endif
}

TEST(SparseConv, AsksForTheReverseWhereTheMapIsNotItsOwn) {
  const auto gradient = [](const Geometry& geometry) {
    const at::Tensor x = at::randn({geometry.inputs.numel(), 3}).requires_grad_(), weight = at::randn({geometry.shape.num_taps(), 3, 2});
    torch::autograd::grad({sparse_conv(x, weight, {}, {geometry.maps.forward, std::nullopt}).sum()}, {x});
  };
  at::Tensor apart = random_coords(20, 30);  // as many coarse voxels as fine ones
  apart.slice(1, 1).mul_(8);
  for (const auto& [coords, shape] : {std::pair<at::Tensor, ConvolutionShape>{random_coords(300, 4), {{2, 2, 2}}}, {apart, {{2, 2, 2}, {2, 2, 2}}}, {apart + 1, {{3, 3, 3}, {1, 1, 2}}}}) {
    const Geometry geometry = geometry_of(coords, shape);
    ASSERT_TRUE(geometry.maps.reverse.has_value());
    if (geometry.inputs.numel() != geometry.outputs.numel()) continue;
    EXPECT_NE(error_of<Error>([&] { gradient(geometry); }).find("needs the reverse of the map"), std::string::npos) << c10::str(shape);
  }
  gradient(geometry_of(random_coords(300, 4), {}));
}

TEST(SparseConv, SaysWhatIsWrong) {
  const Geometry geometry = geometry_of(random_coords(200, 4), {});
  const int64_t n = geometry.inputs.numel();
  const at::Tensor x = at::randn({n, 3}), weight = at::randn({27, 3, 4});
  const auto error = [&](const at::Tensor& features, const at::Tensor& weights, const at::Tensor& bias, const ConvolutionMaps& maps) {
    return error_of<Error>([&] { sparse_conv(features, weights, bias, maps); });
  };
  const auto expect = [](const std::string& error, const std::string& part) { EXPECT_NE(error.find(part), std::string::npos) << error; };
  expect(error(x.to(at::kInt), weight, {}, geometry.maps), "x has dtype Int (float16, bfloat16, float32 or float64 was expected)");
  expect(error(x, weight.to(at::kDouble), {}, geometry.maps), "weight has dtype Double (Float was expected");
  expect(error(x, at::randn({27, 5, 4}), {}, geometry.maps), "weight has shape [27, 5, 4] ([taps, 3, out channels] was expected, as x has 3 channels)");
  expect(error(x, at::randn({8, 3, 4}), {}, geometry.maps), "of 8 taps, as weight has");
  expect(error(x, weight, at::randn({5}), geometry.maps), "bias has shape [5] ([4] was expected");
  expect(error(x.slice(0, 1), weight, {}, geometry.maps), "the map has " + std::to_string(n) + " outputs and x " + std::to_string(n - 1) + " rows");
  ConvolutionMaps wrong = geometry.maps;
  wrong.forward.halo = wrong.forward.halo + static_cast<int>(n);
  expect(error(x, weight, {}, wrong), "the map names inputs that are not among the " + std::to_string(n) + " rows of x");
  wrong.forward = geometry.maps.forward;
  wrong.forward.pairs = wrong.forward.pairs + (1 << 20);
  expect(error(x, weight, {}, wrong), "has pairs of inputs or outputs that are not in it");
  wrong.forward = geometry.maps.forward;
  wrong.forward.pairs = wrong.forward.pairs * 0;
  expect(error(x, weight, {}, wrong), "in tile 0 of the map do not rise");
  wrong.forward = geometry.maps.forward;
  wrong.forward.tap_offsets = wrong.forward.tap_offsets.flip(0);
  expect(error(x, weight, {}, wrong), "tap_offsets of the map does not run from 0 to");
}

}  // namespace
}  // namespace tev
