// sparse_conv with a prologue and a residual against its parts, on every device and dtype.

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/check.hpp"
#include "kernels/cuda_library.hpp"
#include "kernels/batch_norm/batch_norm_math.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "tests/kernels/voxel_oracle.hpp"
#include "tests/kernels/device_type_test.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/reproducible.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;

const std::vector<ConvolutionShape> shapes = {{}, {{2, 2, 2}, {2, 2, 2}}, {{3, 3, 3}, {2, 2, 2}}};

/// Arguments of a fused convolution; gradients go to all of them.
struct Arguments {
  at::Tensor x, weight, bias;
  ConvolutionFusion fusion;

  std::vector<at::Tensor> all() const { return {x, weight, bias, fusion.scale, fusion.shift, fusion.residual}; }
};

Arguments arguments_from(const std::vector<at::Tensor>& all, double negative_slope) {
  return {all[0], all[1], all[2], {all[3], all[4], negative_slope, all[5]}};
}

Arguments random_arguments(const Geometry& geometry, int64_t in, int64_t out, double negative_slope) {
  const auto randn = [](at::IntArrayRef sizes) { return at::randn(sizes, at::kDouble); };
  return arguments_from({randn({geometry.inputs.numel(), in}), randn({geometry.shape.num_taps(), in, out}), randn({out}), randn({in}), randn({in}),
                         randn({geometry.outputs.numel(), out})}, negative_slope);
}

/// On a device, in a dtype; scale and shift in its accumulation type.
Arguments moved(const Arguments& from, at::DeviceType device, at::ScalarType type) {
  const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
  std::vector<at::Tensor> all;
  for (const at::Tensor& tensor : from.all()) all.push_back(tensor.to(device, all.size() == 3 || all.size() == 4 ? wide : type));
  return arguments_from(all, from.fusion.negative_slope);
}

std::vector<at::Tensor> leaves(const Arguments& from) {
  std::vector<at::Tensor> all;
  for (const at::Tensor& tensor : from.all()) all.push_back(tensor.detach().clone().requires_grad_());
  return all;
}

at::Tensor fused(const Arguments& a, const ConvolutionMaps& maps) { return sparse_conv(a.x, a.weight, a.bias, maps, a.fusion); }

/// What fused() is made of.
at::Tensor parts(const Arguments& a, const ConvolutionMaps& maps) {
  return sparse_conv(at::leaky_relu(a.x * a.fusion.scale + a.fusion.shift, a.fusion.negative_slope), a.weight, a.bias, maps) + a.fusion.residual;
}

class SparseConvFusionOn : public DeviceTypeTest {
 protected:
  Arguments here(const Arguments& from) const { return moved(from, device(), dtype()); }
};

TEST_P(SparseConvFusionOn, EqualsItsParts) {
  for (const auto& shape : shapes)
    for (const double slope : {1.0, 0.33, 0.0}) {
      SCOPED_TRACE(c10::str(shape, ", slope ", slope));
      const Geometry geometry = geometry_of(random_coords(300, 4), shape);
      const Arguments ours = here(random_arguments(geometry, 6, 19, slope));
      const at::Tensor out = fused(ours, to_device(geometry, device()).maps);
      EXPECT_EQ(out.scalar_type(), dtype());
      expect_near(out, parts(moved(ours, at::kCPU, at::kDouble), geometry.maps));
    }
}

TEST_P(SparseConvFusionOn, HasTheGradientsOfItsParts) {
  for (const auto& shape : shapes) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(random_coords(300, 4), shape);
    const Arguments start = here(random_arguments(geometry, 6, 9, 0.33));
    const std::vector<at::Tensor> ours = leaves(start), slow = leaves(moved(start, at::kCPU, at::kDouble));
    const at::Tensor expected = parts(arguments_from(slow, 0.33), geometry.maps);
    const at::Tensor cotangent = at::randn(expected.sizes(), at::kDouble).to(dtype());
    const auto slow_gradients = torch::autograd::grad({expected}, slow, {cotangent.to(at::kDouble)});
    const auto gradients = torch::autograd::grad({fused(arguments_from(ours, 0.33), to_device(geometry, device()).maps)}, ours, {cotangent.to(device())});
    for (size_t i = 0; i < ours.size(); ++i) {
      SCOPED_TRACE(i);
      EXPECT_EQ(gradients[i].scalar_type(), ours[i].scalar_type());
      expect_near(gradients[i].to(dtype()), slow_gradients[i]);
    }
  }
}

TEST_P(SparseConvFusionOn, IgnoresStridesOfItsArguments) {
  const Geometry geometry = geometry_of(random_coords(200, 4), {});
  const Arguments dense = here(random_arguments(geometry, 6, 8, 0.33));
  const auto strided = [](const at::Tensor& x) {
    at::Tensor twice = at::empty({2 * x.size(-1), x.dim() == 2 ? x.size(0) : 1}, x.options());
    const at::Tensor view = x.dim() == 2 ? twice.t().slice(1, 0, twice.size(0), 2) : twice.select(1, 0).slice(0, 0, twice.size(0), 2);
    view.copy_(x);
    return view;
  };
  Arguments loose = dense;
  for (at::Tensor* tensor : {&loose.x, &loose.fusion.scale, &loose.fusion.shift, &loose.fusion.residual}) *tensor = strided(*tensor);
  const ConvolutionMaps maps = to_device(geometry, device()).maps;
  EXPECT_TRUE(is_same_bits(fused(loose, maps), fused(dense, maps)));
  for (const Arguments& arguments : {dense, loose})
    for (const at::Tensor& tensor : arguments.all()) tensor.requires_grad_();
  const at::Tensor cotangent = here({at::randn(dense.fusion.residual.sizes(), at::kDouble), dense.weight, dense.bias, dense.fusion}).x;
  const auto ours = torch::autograd::grad({fused(loose, maps)}, loose.all(), {strided(cotangent)}), expected = torch::autograd::grad({fused(dense, maps)}, dense.all(), {cotangent});
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_TRUE(is_same_bits(ours[i], expected[i])) << i;
}

TEST_P(SparseConvFusionOn, TakesNoVoxels) {
  for (const auto& shape : shapes) {
    const Geometry geometry = geometry_of(at::zeros({0, 4}, at::kInt), shape);
    const std::vector<at::Tensor> all = leaves(here(random_arguments(geometry, 3, 2, 0.33)));
    const at::Tensor out = fused(arguments_from(all, 0.33), to_device(geometry, device()).maps);
    EXPECT_EQ(out.sizes(), at::IntArrayRef({0, 2}));
    for (const at::Tensor& gradient : torch::autograd::grad({out.sum()}, all)) EXPECT_EQ(gradient.abs().sum().item<double>(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, SparseConvFusionOn, ::testing::Combine(::testing::Values(at::kCPU, at::kCUDA), ::testing::Values(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16)));

/// ATen's multiplication, addition and activation round as ours do, with every instruction set.
TEST(SparseConvFusion, HasTheBitsOfItsParts) {
  for (const auto& shape : shapes)
    for (const auto type : {at::kDouble, at::kFloat}) {
      const Geometry geometry = geometry_of(random_coords(900, 6), shape);
      const Arguments arguments = moved(random_arguments(geometry, 37, 32, 0.33), at::kCPU, type);
      EXPECT_TRUE(is_same_bits(fused(arguments, geometry.maps), parts(arguments, geometry.maps)));
    }
}

TEST(SparseConvFusion, DoesEitherAlone) {
  const Geometry geometry = geometry_of(random_coords(300, 4), {});
  const Arguments all = random_arguments(geometry, 5, 4, 0.33);
  const at::Tensor h = at::leaky_relu(all.x * all.fusion.scale + all.fusion.shift, 0.33);
  EXPECT_TRUE(is_same_bits(sparse_conv(all.x, all.weight, {}, geometry.maps, {all.fusion.scale, all.fusion.shift, 0.33, {}}), sparse_conv(h, all.weight, {}, geometry.maps)));
  std::vector<at::Tensor> leaf{all.x.clone().requires_grad_(), all.fusion.residual.clone().requires_grad_()};
  const at::Tensor out = sparse_conv(leaf[0], all.weight, {}, geometry.maps, {{}, {}, 1, leaf[1]}), plain = sparse_conv(leaf[0], all.weight, {}, geometry.maps);
  EXPECT_TRUE(is_same_bits(out, plain + leaf[1]));
  const auto gradients = torch::autograd::grad({out}, leaf, {cotangent_like(out)});
  EXPECT_TRUE(is_same_bits(gradients[0], torch::autograd::grad({plain}, {leaf[0]}, {cotangent_like(out)})[0]));
  EXPECT_TRUE(is_same_bits(gradients[1], cotangent_like(out)));
}

TEST(SparseConvFusion, HasDerivativesOfBothOrders) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);  // thousands of small calls
  for (const auto& shape : {ConvolutionShape{{3, 1, 3}}, ConvolutionShape{{2, 2, 2}, {2, 2, 2}}}) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(random_coords(12, 2, 2), shape);
    const Arguments arguments = random_arguments(geometry, 2, 3, 0.33);
    const TensorFunction f = [&](const auto& t) { return fused(arguments_from(t, 0.33), geometry.maps); };
    EXPECT_TRUE(gradcheck(f, arguments.all()));
    EXPECT_TRUE(gradgradcheck(f, arguments.all()));
  }
  at::set_num_threads(before);
}

TEST(SparseConvFusion, IsTheSameForAnyNumberOfThreads) {
  const Geometry geometry = geometry_of(random_coords(8000, 11), {});
  const std::vector<at::Tensor> all = leaves(moved(random_arguments(geometry, 24, 40, 0.33), at::kCPU, at::kFloat));
  const auto run = [&] {
    const at::Tensor out = fused(arguments_from(all, 0.33), geometry.maps);
    auto results = torch::autograd::grad({out}, all, {cotangent_like(out)});
    results.push_back(out.detach());
    return results;
  };
  expect_same_for_threads(run);
}

/// The gradients of scale and shift by two loops that no instruction set changes.
TEST(SparseConvFusion, AddsRowsInFixedBlocks) {
  const int64_t rows = 2 * batch_norm_math::block_rows + 77, channels = 21;
  const at::Tensor coords = at::zeros({rows, 4}, at::kInt);
  coords.select(1, 3).copy_(at::arange(rows, at::kInt) * 2);  // no neighbours
  const Geometry geometry = geometry_of(coords, {{1, 1, 1}});
  const std::vector<at::Tensor> all = leaves(moved(random_arguments(geometry, channels, channels, 0.33), at::kCPU, at::kFloat));
  all[1].detach().copy_(at::eye(channels).view({1, channels, channels}));  // the gradient of h is that of the output
  const at::Tensor grad = at::randn({rows, channels});
  const auto ours = torch::autograd::grad({fused(arguments_from(all, 0.33), geometry.maps)}, all, {grad});
  const auto x = all[0].accessor<float, 2>(), g = grad.accessor<float, 2>();
  const auto scale = all[3].accessor<float, 1>(), shift = all[4].accessor<float, 1>();
  for (int64_t c = 0; c < channels; ++c) {
    double total_scale = 0, total_shift = 0;
    for (int64_t first = 0; first < rows; first += batch_norm_math::block_rows) {
      double of_scale = 0, of_shift = 0;
      for (int64_t row = first; row < std::min(rows, first + batch_norm_math::block_rows); ++row) {
        const float product = x[row][c] * scale[c], inner = product + shift[c] > 0 ? g[row][c] : g[row][c] * 0.33F;
        of_scale += static_cast<double>(inner) * static_cast<double>(x[row][c]);
        of_shift += static_cast<double>(inner);
      }
      total_scale += of_scale;
      total_shift += of_shift;
    }
    EXPECT_EQ(ours[3][c].item<float>(), static_cast<float>(total_scale));
    EXPECT_EQ(ours[4][c].item<float>(), static_cast<float>(total_shift));
  }
}

TEST(SparseConvFusion, HasAPortableForm) {
  for (const auto& shape : shapes) {
    const Geometry geometry = geometry_of(random_coords(300, 4), shape);
    const Arguments a = random_arguments(geometry, 5, 3, 0.33);
    const at::Tensor table = kernel_table_portable(geometry.inputs, geometry.outputs, shape, false);
    EXPECT_TRUE(is_close(sparse_conv_portable(a.x, a.weight, a.bias, table, a.fusion), fused(a, geometry.maps)));
  }
}

TEST(SparseConvFusion, SaysWhatIsWrong) {
  const Geometry geometry = geometry_of(random_coords(200, 4), {});
  const int64_t n = geometry.inputs.numel();
  const at::Tensor x = at::randn({n, 3}), weight = at::randn({27, 3, 4}), ones = at::ones({3}), residual = at::ones({n, 4});
  const auto expect = [&](const ConvolutionFusion& fusion, const std::string& part) {
    const std::string error = error_of<Error>([&] { sparse_conv(x, weight, {}, geometry.maps, fusion); });
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect({ones, {}, 1, {}}, "scale has no shift (both or none were expected)");
  expect({{}, ones, 1, {}}, "shift has no scale");
  expect({{}, {}, 0.33, {}}, "negative_slope is 0.33 without scale and shift (1 was expected)");
  expect({at::ones({4}), ones, 1, {}}, "scale has shape [4] ([3] was expected, the channels of x)");
  expect({ones, ones.to(at::kDouble), 1, {}}, "shift is Double on cpu (Float on cpu was expected beside x of Float)");
  expect({{}, {}, 1, at::ones({n, 3})}, "residual has shape [" + std::to_string(n) + ", 3] ([" + std::to_string(n) + ", 4] was expected, the shape of the output)");
  expect({{}, {}, 1, residual.to(at::kHalf)}, "residual is Half on cpu (Float on cpu was expected, as x is)");
}

}  // namespace
}  // namespace tev
