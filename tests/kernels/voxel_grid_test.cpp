// Voxels in a dense grid and back, against index_put, on every device and dtype.

#include "kernels/voxel_grid/voxel_grid.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/cuda_library.hpp"
#include "tests/kernels/voxel_oracle.hpp"
#include "tests/kernels/device_type_test.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;

const GridBox kBox{{-4, -6, -5}, {8, 11, 13}};  // holds what random_coords draws within 4
constexpr int64_t kEvents = 5;                  // of which those after the third are empty

/// Voxel by voxel.
at::Tensor naive_loop(const at::Tensor& x, const at::Tensor& keys) {
  at::Tensor dense = at::zeros({kEvents, x.size(1), kBox.size[0], kBox.size[1], kBox.size[2]}, x.options());
  const auto rows = as_rows(voxel_coords(keys));
  for (size_t i = 0; i < rows.size(); ++i)
    dense[rows[i][0]].select(1, rows[i][1] - kBox.origin[0]).select(1, rows[i][2] - kBox.origin[1]).select(1, rows[i][3] - kBox.origin[2]).copy_(x[static_cast<int64_t>(i)]);
  return dense;
}

class VoxelGridOn : public DeviceTypeTest {};

TEST_P(VoxelGridOn, PutsVoxelsInTheirPlacesAndFindsThemAgain) {
  for (const auto& [draws, channels] : {std::pair<int64_t, int64_t>{300, 3}, {300, 1}, {1, 40}, {0, 3}, {20, 0}})
    for (const bool portable : {false, true}) {
      const PortableGuard guard(portable);
      const at::Tensor keys = voxel_index(random_coords(draws, 4), Duplicates::first).keys, there = keys.to(device());
      const at::Tensor x = here(at::randn({keys.numel(), channels})).requires_grad_(), dense = to_dense(x, there, kEvents, kBox);
      EXPECT_TRUE(is_same_bits(dense.detach().cpu(), naive_loop(x.detach().cpu(), keys)));
      EXPECT_TRUE(is_same_bits(from_dense(dense, there, kBox.origin).detach(), x.detach()));
      const at::Tensor grad = here(at::randn(dense.sizes()));
      EXPECT_TRUE(is_same_bits(torch::autograd::grad({dense}, {x}, {grad})[0], from_dense(grad, there, kBox.origin)));
      const at::Tensor grid = grad.detach().requires_grad_();
      EXPECT_TRUE(is_same_bits(torch::autograd::grad({from_dense(grid, there, kBox.origin)}, {grid}, {x.detach()})[0], dense.detach()));
    }
}

TEST_P(VoxelGridOn, IgnoresStridesOfItsArguments) {
  const at::Tensor keys = voxel_index(random_coords(200, 4)).keys.to(device()), x = here(at::randn({6, keys.numel()})).t();
  const at::Tensor dense = to_dense(x, keys, kEvents, kBox), strided = dense.transpose(1, 4).contiguous().transpose(1, 4);
  EXPECT_TRUE(is_same_bits(dense, to_dense(x.contiguous(), keys, kEvents, kBox)));
  EXPECT_TRUE(is_same_bits(from_dense(strided, keys, kBox.origin), x.contiguous()));
}

INSTANTIATE_TEST_SUITE_P(All, VoxelGridOn, ::testing::Combine(::testing::Values(at::kCPU, at::kCUDA), ::testing::Values(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16)));

TEST(VoxelGrid, HasDerivativesOfBothOrdersAndIsTheAdjointOfItsReverse) {
  const GridBox box{{-2, -2, -2}, {4, 4, 4}};
  const at::Tensor keys = voxel_index(random_coords(10, 2)).keys;
  const TensorFunction to = [&](const auto& t) { return to_dense(t[0], keys, 3, box); }, from = [&](const auto& t) { return from_dense(t[0], keys, box.origin); };
  const at::Tensor x = at::randn({keys.numel(), 2}, at::kDouble), dense = at::randn({3, 2, 4, 4, 4}, at::kDouble);
  EXPECT_TRUE(gradcheck(to, {x}));
  EXPECT_TRUE(gradgradcheck(to, {x}));
  EXPECT_TRUE(gradcheck(from, {dense}));
  EXPECT_TRUE(gradgradcheck(from, {dense}));
  EXPECT_NEAR((to({x}) * dense).sum().item<double>(), (x * from({dense})).sum().item<double>(), 1e-10);
}

TEST(VoxelGrid, IsTheSameForAnyNumberOfThreads) {
  const at::Tensor keys = voxel_index(random_coords(4000, 4)).keys, x = at::randn({keys.numel(), 70});
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor first = to_dense(x, keys, kEvents, kBox);
  for (int i = 0; i < 20; ++i) {
    at::set_num_threads(1 + i % 3);
    EXPECT_TRUE(is_same_bits(to_dense(x, keys, kEvents, kBox), first));
    EXPECT_TRUE(is_same_bits(from_dense(first, keys, kBox.origin), x));
  }
  at::set_num_threads(before);
}

TEST(VoxelGrid, KnowsTheBordersOfItsBox) {
  const GridBox box{{-3, 2, 5}, {4, 3, 2}};
  const auto keys_of = [](const Coords& c) { return voxel_index(at::tensor({c[0], c[1], c[2], c[3]}, at::kInt).view({1, 4})).keys; };
  const at::Tensor x = at::ones({1, 1});
  for (const Coords& corner : std::vector<Coords>{{0, -3, 2, 5}, {1, 0, 4, 6}}) {
    EXPECT_EQ(to_dense(x, keys_of(corner), 2, box).sum().item<double>(), 1);
    for (int axis = 0; axis < 4; ++axis) {
      Coords outside = corner;
      outside[axis] += corner[0] == 1 ? 1 : -1;
      if (outside[0] < 0) continue;
      EXPECT_THROW(to_dense(x, keys_of(outside), 2, box), Error) << corner[0] << ", axis " << axis;
      EXPECT_EQ(to_dense_portable(x, keys_of(outside), 2, box.origin, {4, 3, 2}).sum().item<double>(), 0);
      EXPECT_EQ(from_dense_portable(at::ones({2, 1, 4, 3, 2}), keys_of(outside), box.origin).sum().item<double>(), 0);
    }
  }
}

TEST(VoxelGrid, SaysWhatIsWrong) {
  const at::Tensor keys = voxel_index(at::tensor({0, 1, 1, 1, 0, 2, 9, -9, 3, 0, 0, 0}, at::kInt).view({3, 4})).keys, x = at::randn({3, 2});
  const auto expect = [](const std::string& error, const std::string& part) { EXPECT_NE(error.find(part), std::string::npos) << error; };
  const auto error = [&](const at::Tensor& rows, const at::Tensor& voxels, int64_t events, const GridBox& box) { return error_of<Error>([&] { to_dense(rows, voxels, events, box); }); };
  expect(error(x, keys, 4, {{0, 0, -5}, {3, 10, 9}}), "tev::to_dense: voxel 1 is event 0, x 2, y 9, z -9 (events 0 to 3, x 0 to 2, y 0 to 9, z -5 to 3 were expected). Take a larger box");
  expect(error(x, keys, 3, {{0, 0, -9}, {3, 10, 20}}), "voxel 2 is event 3");
  expect(error_of<Error>([&] { from_dense(at::zeros({4, 2, 3, 10, 5}), keys, {0, 0, 0}); }), "tev::from_dense: voxel 1 is event 0");
  expect(error(x.to(at::kInt), keys, 4, kBox), "x has dtype Int");
  expect(error(x[0], keys, 4, kBox), "x has shape [2] ([voxels, channels] was expected)");
  expect(error(x.slice(0, 1), keys, 4, kBox), "x has 2 rows (3 were expected, one a key)");
  expect(error(x, keys.to(at::kInt), 4, kBox), "keys is Int [3]");
  expect(error(x, keys, -1, kBox), "num_events is -1");
  expect(error(x, keys, 4, {{0, 0, 0}, {1, 0, 1}}), "size is [1, 0, 1] (numbers from 1 to 65536 were expected)");
  expect(error(x, keys, 4, {{0, 40000, 0}, {1, 1, 1}}), "origin is [0, 40000, 0]");
}

}  // namespace
}  // namespace tev
