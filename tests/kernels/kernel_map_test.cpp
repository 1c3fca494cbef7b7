// Kernel maps: complete, in order, equal from every way of finding them.

#include "kernels/kernel_map/kernel_map.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/cuda_library.hpp"
#include "kernels/kernel_map/map_from_table.hpp"
#include "tests/kernels/voxel_oracle.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;

const bool kCuda = has_cuda();

void expect_same(const KernelMap& map, const KernelMap& expected) {
  const auto ours = map.tensors(), theirs = expected.tensors();
  for (size_t i = 0; i < ours.size(); ++i) EXPECT_TRUE(is_same_bits(ours[i].cpu(), theirs[i].cpu())) << "tensor " << i;
}

/// [outputs, taps] of pairs.
at::Tensor table_of(const std::set<Pair>& pairs, int64_t num_outputs, int64_t num_taps) {
  at::Tensor table = at::full({num_outputs, num_taps}, -1, at::kInt);
  for (const auto& [output, tap, input] : pairs) table.mutable_data_ptr<int32_t>()[output * num_taps + tap] = static_cast<int32_t>(input);
  return table;
}

void expect_complete(const KernelMap& map, const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed) {
  const int64_t num_taps = shape.num_taps();
  const auto expected = slow_pairs(as_rows(voxel_coords(inputs)), as_rows(voxel_coords(outputs)), shape, transposed);
  const auto pairs = pairs_of(map, num_taps);
  EXPECT_EQ(std::set<Pair>(pairs.begin(), pairs.end()), expected);
  EXPECT_EQ(pairs.size(), expected.size());
  const auto place = [](const Pair& pair) { return std::tuple(std::get<0>(pair) / kernel_map_math::tile_rows, std::get<1>(pair), std::get<0>(pair)); };
  EXPECT_TRUE(std::is_sorted(pairs.begin(), pairs.end(), [&](const Pair& a, const Pair& b) { return place(a) < place(b); }));
  const auto [t_pairs, t_taps, t_halo, t_halos, t_mask] = map_from_table(table_of(expected, outputs.numel(), num_taps), inputs.numel());
  expect_same(map, {t_pairs, t_taps, t_halo, t_halos, t_mask});
  EXPECT_TRUE(is_same_bits(kernel_table_portable(inputs, outputs, shape, transposed).to(at::kInt), table_of(expected, outputs.numel(), num_taps)));
}

TEST(KernelMap, FindsEveryPairInOrder) {
  for (const auto& shape : convolution_shapes)
    for (const auto& [draws, extent] : {std::pair<int64_t, int64_t>{0, 3}, {1, 1}, {600, 4}, {1000, 40}, {200, 1 << 15}}) {
      SCOPED_TRACE(c10::str(shape, ", ", draws, " voxels within ", extent));
      const Geometry geometry = geometry_of(random_coords(draws, extent), shape);
      expect_complete(geometry.maps.forward, geometry.inputs, geometry.outputs, shape, false);
      expect_complete(kernel_map(geometry.outputs, geometry.inputs, shape, true), geometry.outputs, geometry.inputs, shape, true);
    }
}

TEST(KernelMap, NeverWrapsOrCrossesEvents) {
  std::vector<int32_t> corners;
  for (const int32_t event : {0, 1, 65534, 65535})
    for (const int32_t x : {-32768, 32767})
      for (const int32_t y : {-32768, 32767})
        for (const int32_t z : {-32768, -32767, 32766, 32767}) corners.insert(corners.end(), {event, x, y, z});
  for (const auto& at : {Coords{2, 5, 5, 32767}, Coords{2, 5, 6, -32768}, Coords{2, 5, 32767, 0}, Coords{2, 6, -32768, 0}}) corners.insert(corners.end(), at.begin(), at.end());  // keys side by side
  const at::Tensor coords = at::tensor(corners, at::kInt).view({-1, 4});
  std::vector<ConvolutionShape> shapes = convolution_shapes;
  shapes.push_back({{1, 1, 101}, {1, 1, 1}, {1, 1, 65536}});  // its middle tap alone stays within
  for (const auto& shape : shapes) {
    SCOPED_TRACE(c10::str(shape));
    const Geometry geometry = geometry_of(coords, shape);
    expect_complete(geometry.maps.forward, geometry.inputs, geometry.outputs, shape, false);
    expect_complete(kernel_map(geometry.outputs, geometry.inputs, shape, true), geometry.outputs, geometry.inputs, shape, true);
  }
}

TEST(KernelMap, FindsNothingBesideTheLeastAndTheGreatestKey) {
  const auto keys = [](std::initializer_list<int32_t> coords) { return voxel_index(at::tensor(coords, at::kInt).view({-1, 4})).keys; };
  const at::Tensor least = keys({0, -32768, -32768, -32768}), beside_greatest = keys({65535, 32767, 32767, 32766}), two = keys({0, -32768, -32768, -32768, 7, 0, 0, 0});
  for (const auto& [inputs, outputs] : {std::pair(least, least), {two, two}, {least, two}, {two, beside_greatest}, {beside_greatest, beside_greatest}})
    for (const auto& shape : convolution_shapes)
      for (const bool transposed : {false, true}) expect_complete(kernel_map(inputs, outputs, shape, transposed), inputs, outputs, shape, transposed);
}

TEST(KernelMap, CoarseVoxelsAreThoseThatATapJoins) {
  for (const auto& shape : convolution_shapes)
    for (const int64_t draws : {0, 1, 400}) {
      SCOPED_TRACE(c10::str(shape));
      const at::Tensor fine = voxel_index(random_coords(draws, 6)).keys, coarse = coarse_voxels(fine, shape);
      std::set<Coords> expected;
      for (const Coords& at : as_rows(voxel_coords(fine)))
        for (int64_t tap = 0; tap < shape.num_taps(); ++tap) {
          const int64_t taps[3] = {tap / (shape.size[1] * shape.size[2]), tap / shape.size[2] % shape.size[1], tap % shape.size[2]};
          Coords reached = at;
          bool whole = true;
          for (int i = 0; i < 3; ++i) {
            const int64_t from = at[i + 1] - (shape.dilation[i] * taps[i] - shape.dilation[i] * (shape.size[i] - 1) / 2);
            whole &= from % shape.stride[i] == 0;
            reached[i + 1] = static_cast<int32_t>(from / shape.stride[i]);
          }
          if (whole) expected.insert(reached);
        }
      const auto rows = as_rows(voxel_coords(coarse));
      EXPECT_EQ(rows, std::vector<Coords>(expected.begin(), expected.end()));
      const PortableGuard portable;
      EXPECT_TRUE(is_same_bits(coarse_voxels(fine, shape), coarse));
    }
}

TEST(KernelMap, HoldsTheLargestShapes) {
  const at::Tensor keys = voxel_index(at::tensor({0, 5, 5, 5, 0, 9, 5, 5}, at::kInt).view({2, 4})).keys;
  EXPECT_EQ(pairs_of(kernel_map(keys, keys, {{65535, 1, 1}, {1, 1, 1}, {65536, 1, 1}}), 65535), (std::vector<Pair>{{0, 32767, 0}, {1, 32767, 1}}));
}

TEST(KernelMap, IsTheSameForAnyNumberOfThreads) {
  const at::Tensor keys = voxel_index(random_coords(30'000, 20)).keys;
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const KernelMap one = kernel_map(keys, keys, {});
  for (const int threads : {2, 3, 7}) {
    at::set_num_threads(threads);
    expect_same(kernel_map(keys, keys, {}), one);
  }
  at::set_num_threads(before);
}

TEST(KernelMap, IsTheSameOnCuda) {
  if (!kCuda) GTEST_SKIP() << "no CUDA device";
  for (const auto& shape : convolution_shapes)
    for (const int64_t draws : {0, 1, 3000}) {
      SCOPED_TRACE(c10::str(shape));
      const Geometry cpu = geometry_of(random_coords(draws, 8), shape);
      const at::Tensor inputs = cpu.inputs.cuda(), outputs = cpu.outputs.cuda();
      expect_same(kernel_map(inputs, outputs, shape), cpu.maps.forward);
      expect_same(kernel_map(outputs, inputs, shape, true), kernel_map(cpu.outputs, cpu.inputs, shape, true));
      EXPECT_TRUE(is_same_bits(coarse_voxels(inputs, shape).cpu(), coarse_voxels(cpu.inputs, shape)));
    }
}

TEST(KernelMap, HasAReverseUnlessVoxelsAreMappedOntoThemselves) {
  const at::Tensor some = voxel_index(random_coords(50, 4)).keys, others = some + 1, again = some.clone();
  EXPECT_FALSE(convolution_maps(some, some, {}).reverse.has_value());
  EXPECT_FALSE(convolution_maps(some, again, {}).reverse.has_value());
  for (const auto& [inputs, outputs, shape] : {std::tuple<at::Tensor, at::Tensor, ConvolutionShape>{some, others, {}}, {some, some, {{2, 2, 2}}}}) {
    const ConvolutionMaps maps = convolution_maps(inputs, outputs, shape);
    ASSERT_TRUE(maps.reverse.has_value());
    expect_same(*maps.reverse, kernel_map(outputs, inputs, shape, true));
  }
}

TEST(KernelMap, SaysWhichShapesMirror) {
  EXPECT_TRUE(ConvolutionShape({{3, 5, 1}}).mirrors());
  EXPECT_TRUE(ConvolutionShape({{2, 2, 2}, {1, 1, 1}, {2, 2, 2}}).mirrors());
  EXPECT_FALSE(ConvolutionShape({{2, 3, 3}}).mirrors());
  EXPECT_FALSE(ConvolutionShape({{3, 3, 3}, {1, 1, 2}}).mirrors());
}

TEST(KernelMap, SaysWhatIsWrong) {
  const at::Tensor keys = voxel_index(random_coords(10, 1 << 14)).keys;
  const auto error = [&](const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape) {
    return error_of<Error>([&] { kernel_map(inputs, outputs, shape); });
  };
  EXPECT_NE(error(keys.to(at::kInt), keys, {}).find("inputs is Int [10] (int64 [N] was expected"), std::string::npos);
  EXPECT_NE(error(keys, keys.view({5, 2}), {}).find("outputs is Long [5, 2]"), std::string::npos);
  EXPECT_NE(error(keys.flip(0), keys, {}).find("inputs do not rise at 1"), std::string::npos);
  EXPECT_NE(error(keys, keys, {{0, 3, 3}}).find("size is [0, 3, 3] (numbers from 1 to"), std::string::npos);
  EXPECT_NE(error(keys, keys, {{3, 3, 3}, {1, -1, 1}}).find("stride is [1, -1, 1]"), std::string::npos);
  EXPECT_NE(error(keys, keys, {{64, 64, 64}}).find("has more than 131072 taps"), std::string::npos);
}

}  // namespace
}  // namespace tev
