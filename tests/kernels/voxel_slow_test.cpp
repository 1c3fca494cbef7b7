// Voxels whose features, keys and products of numbers need more than 31 bits.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/sparse_pool/sparse_pool.hpp"
#include "kernels/voxel_grid/voxel_grid.hpp"
#include "kernels/voxel_index/voxel_index.hpp"
#include "tests/support/slow_test.hpp"

namespace tev {
namespace {

constexpr int64_t kRows = (int64_t{1} << 25) + 2, kChannels = 64;  // 2^31 + 128 features

/// Keys of voxels that no kernel of up to 7^3 joins: event 0, seven free places between neighbours.
at::Tensor lonely_keys(int64_t count) {
  const at::Tensor i = at::arange(count);
  const at::Tensor x = i.div(1 << 18, "floor"), y = i.div(512, "floor").remainder(512), z = i.remainder(512);
  return ((x * (int64_t{1} << 32) + y * (1 << 16) + z) * 8).add_(std::numeric_limits<int64_t>::min());
}

/// 0, but for the last two rows, which are 2 and 3.
at::Tensor late_features() {
  const at::Tensor x = at::zeros({kRows, kChannels}, at::kBFloat16);
  x.select(0, kRows - 2).fill_(2);
  x.select(0, kRows - 1).fill_(3);
  return x;
}

at::Tensor last_rows(const at::Tensor& x) { return x.slice(0, kRows - 3).to(at::kFloat); }

TEST(VoxelSlow, ConvolvesBeyondTwoToThe31FeaturesAndTaps) {
  TEV_SLOW_TEST(18);
  const ConvolutionShape shape{{5, 5, 5}};  // 125 * kRows taps
  const at::Tensor keys = lonely_keys(kRows);
  const ConvolutionMaps maps = convolution_maps(keys, keys, shape);
  const at::Tensor x = late_features().requires_grad_(), weight = at::zeros({125, kChannels, 1}, at::kBFloat16);
  weight.select(0, 62).fill_(0.5);
  weight.requires_grad_();
  const at::Tensor out = sparse_conv(x, weight, {}, maps);
  EXPECT_TRUE(last_rows(out.detach()).equal(at::tensor({0.f, 64.f, 96.f}).unsqueeze(1)));
  EXPECT_EQ(out.detach().count_nonzero().item<int64_t>(), 2);
  const at::Tensor grad = at::zeros_like(out);
  grad[kRows - 1] = 4;
  const auto gradients = torch::autograd::grad({out}, {x, weight}, {grad});
  EXPECT_TRUE(last_rows(gradients[0]).equal(at::tensor({0.f, 0.f, 2.f}).unsqueeze(1).expand({3, kChannels})));
  EXPECT_EQ(gradients[0].slice(0, 0, kRows - 1).abs().max().item<double>(), 0);
  EXPECT_TRUE(gradients[1].select(0, 62).eq(12).all().item<bool>());
  EXPECT_EQ(gradients[1].count_nonzero().item<int64_t>(), kChannels);
}

TEST(VoxelSlow, WidensBeyondTwoToThe31Features) {
  TEV_SLOW_TEST(12);
  const at::Tensor keys = lonely_keys(kRows);
  const at::Tensor x = at::zeros({kRows, 1}, at::kBFloat16), weight = at::full({1, 1, kChannels}, 3, at::kBFloat16);
  x[kRows - 1] = 2;
  const at::Tensor out = sparse_conv(x, weight, {}, convolution_maps(keys, keys, {{1, 1, 1}}));
  EXPECT_TRUE(last_rows(out).equal(at::tensor({0.f, 0.f, 6.f}).unsqueeze(1).expand({3, kChannels})));
  EXPECT_EQ(out.slice(0, 0, kRows - 1).abs().max().item<double>(), 0);
}

TEST(VoxelSlow, PoolsBeyondTwoToThe31Features) {
  TEV_SLOW_TEST(18);
  const ConvolutionShape halves{{2, 2, 2}, {2, 2, 2}};
  const at::Tensor keys = lonely_keys(kRows);
  const ConvolutionMaps maps = convolution_maps(keys, coarse_voxels(keys, halves), halves);
  const at::Tensor x = late_features().requires_grad_(), out = sparse_pool(x, maps, SegmentReduction::sum);
  EXPECT_TRUE(last_rows(out.detach()).equal(at::tensor({0.f, 2.f, 3.f}).unsqueeze(1).expand({3, kChannels})));
  const at::Tensor gradient = torch::autograd::grad({out}, {x}, {x.detach()})[0];
  EXPECT_TRUE(last_rows(gradient).equal(at::tensor({0.f, 2.f, 3.f}).unsqueeze(1).expand({3, kChannels})));
}

TEST(VoxelSlow, NormalisesBeyondTwoToThe31Features) {
  TEV_SLOW_TEST(12);
  const at::Tensor x = late_features(), sums = batch_norm_sums(x);
  EXPECT_TRUE(sums.equal(at::tensor({double(kRows), 5.0, 13.0}, at::kDouble).unsqueeze(1).expand({3, kChannels})));
  const at::Tensor mean = at::ones({kChannels}), variance = at::full({kChannels}, 4.f);
  const at::Tensor y = batch_norm(x, {}, {}, mean, variance, {false, 0.1, 1e-30, 1});
  EXPECT_TRUE(last_rows(y).equal(at::tensor({-0.5f, 0.5f, 1.f}).unsqueeze(1).expand({3, kChannels})));
}

TEST(VoxelSlow, IndexesCoordinatesBeyondTwoToThe31Bytes) {
  TEV_SLOW_TEST(14);
  constexpr int64_t rows = (int64_t{1} << 27) + 2;
  at::Tensor coords = at::zeros({rows, 4}, at::kInt);
  const at::Tensor i = at::arange(rows, at::kInt);  // falling keys, so that all rows move
  coords.select(1, 0).copy_(i.div(1 << 20, "floor").neg_().add_(200));
  coords.select(1, 2).copy_(i.div(1 << 10, "floor").remainder_(1 << 10).neg_());
  coords.select(1, 3).copy_(i.remainder(1 << 10).neg_());
  const VoxelIndex index = voxel_index(coords);
  EXPECT_EQ(index.keys.numel(), rows);
  EXPECT_EQ(index.order[0].item<int64_t>(), rows - 1);
  EXPECT_EQ(index.inverse[0].item<int64_t>(), rows - 1);
  EXPECT_TRUE(voxel_coords(index.keys.slice(0, rows - 1)).equal(coords.slice(0, 0, 1)));
}

TEST(VoxelSlow, LaysGridsBeyondTwoToThe31Places) {
  TEV_SLOW_TEST(8);
  const GridBox box{{0, 0, 0}, {330, 330, 330}};
  const VoxelIndex index = voxel_index(at::tensor({0, 0, 0, 0, 0, 329, 329, 329}, at::kInt).view({2, 4}));
  const at::Tensor x = at::arange(1, 2 * kChannels + 1).view({2, kChannels}).to(at::kHalf), dense = to_dense(x, index.keys, 1, box);
  EXPECT_TRUE(dense.select(4, 329).select(3, 329).select(2, 329).equal(x.slice(0, 1)));
  EXPECT_TRUE(from_dense(dense, index.keys, box.origin).equal(x));
}

}  // namespace
}  // namespace tev
