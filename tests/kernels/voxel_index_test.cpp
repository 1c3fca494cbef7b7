// Voxels in canonical order, on every device.

#include "kernels/voxel_index/voxel_index.hpp"

#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/cuda_library.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "tests/kernels/voxel_oracle.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;

const bool kCuda = has_cuda();

class VoxelIndexOn : public ::testing::TestWithParam<at::DeviceType> {
 protected:
  void SetUp() override {
    if (GetParam() == at::kCUDA && !kCuda) GTEST_SKIP() << "no CUDA device";
  }
  at::Tensor here(const at::Tensor& x) const { return x.to(GetParam()); }
};

at::Tensor coords_of(const std::vector<Coords>& rows) {
  at::Tensor coords = at::empty({static_cast<int64_t>(rows.size()), 4}, at::kInt);
  for (size_t i = 0; i < rows.size(); ++i) std::copy(rows[i].begin(), rows[i].end(), coords.mutable_data_ptr<int32_t>() + 4 * i);
  return coords;
}

void expect_describes(const VoxelIndex& index, const at::Tensor& coords) {
  const auto rows = as_rows(coords), voxels = as_rows(voxel_coords(index.keys));
  EXPECT_TRUE(std::is_sorted(voxels.begin(), voxels.end()));
  EXPECT_EQ(std::set<Coords>(voxels.begin(), voxels.end()), std::set<Coords>(rows.begin(), rows.end()));
  EXPECT_EQ(voxels.size(), std::set<Coords>(rows.begin(), rows.end()).size());
  const at::Tensor order = index.order.cpu(), offsets = index.offsets.cpu(), inverse = index.inverse.cpu();
  ASSERT_EQ(offsets.numel(), static_cast<int64_t>(voxels.size()) + 1);
  ASSERT_EQ(offsets[-1].item<int64_t>(), static_cast<int64_t>(rows.size()));
  for (size_t v = 0; v < voxels.size(); ++v)
    for (int64_t i = offsets[v].item<int64_t>(); i < offsets[v + 1].item<int64_t>(); ++i) {
      const auto row = order[i].item<int64_t>();
      EXPECT_EQ(rows[row], voxels[v]);
      EXPECT_EQ(inverse[row].item<int64_t>(), static_cast<int64_t>(v));
      if (i > offsets[v].item<int64_t>()) { EXPECT_LT(order[i - 1].item<int64_t>(), row); }
    }
}

TEST_P(VoxelIndexOn, SortsAnyOrder) {
  for (const int64_t extent : {1, 7, 500, 1 << 15})
    for (const int64_t draws : {0, 1, 2, 300}) {
      const at::Tensor coords = random_coords(draws, extent, extent == 500 ? 65536 : 3);
      expect_describes(voxel_index(here(coords)), coords);
    }
}

TEST_P(VoxelIndexOn, LeavesWhatIsSorted) {
  const at::Tensor coords = voxel_coords(voxel_index(random_coords(200, 9)).keys);
  const VoxelIndex index = voxel_index(here(coords));
  EXPECT_TRUE(is_same_bits(index.order.cpu(), at::arange(coords.size(0), at::kLong)));
  expect_describes(index, coords);
}

TEST_P(VoxelIndexOn, HoldsTheCornersOfItsRange) {
  std::vector<Coords> corners;
  for (const int32_t event : {65535, 0, 32768, 32767})
    for (const int32_t x : {32767, -32768})
      for (const int32_t y : {-32768, 32767, -1, 0})
        for (const int32_t z : {32767, 0, -1, -32768}) corners.push_back({event, x, y, z});
  const at::Tensor coords = coords_of(corners);
  expect_describes(voxel_index(here(coords)), coords);
}

TEST_P(VoxelIndexOn, RefusesWhatIsOutOfRange) {
  for (const Coords& wrong : std::vector<Coords>{{65536, 0, 0, 0}, {-1, 0, 0, 0}, {0, 32768, 0, 0}, {0, 0, -32769, 0}, {0, 0, 0, 1 << 20}}) {
    const std::string error = error_of<Error>([&] { voxel_index(here(coords_of({{0, 0, 0, 0}, wrong}))); });
    EXPECT_NE(error.find("row 1 of coords is event " + std::to_string(wrong[0])), std::string::npos) << error;
  }
}

TEST_P(VoxelIndexOn, NamesTwoRowsOfOneVoxel) {
  const at::Tensor coords = here(coords_of({{1, 2, 3, 4}, {0, 0, 0, 0}, {1, 2, 3, 4}, {1, 2, 3, 4}}));
  EXPECT_NE(error_of<Error>([&] { voxel_index(coords); }).find("rows 0 and 2 of coords are one voxel (event 1, x 2, y 3, z 4; 2 rows are doubled in all)"), std::string::npos);
}

TEST_P(VoxelIndexOn, JoinsDuplicates) {
  const at::Tensor coords = at::randint(-2, 2, {300, 4}, at::kInt).abs();
  const VoxelIndex index = voxel_index(here(coords), Duplicates::sum);
  expect_describes(index, coords);
  const at::Tensor x = at::randn({300, 3}, at::kDouble);
  for (const auto duplicates : {Duplicates::first, Duplicates::sum, Duplicates::mean}) {
    const at::Tensor voxels = to_voxels(here(x), index, duplicates).cpu();
    for (int64_t v = 0; v < index.keys.numel(); ++v) {
      const at::Tensor rows = x.index_select(0, index.inverse.cpu().eq(v).nonzero().squeeze(1));
      const at::Tensor expected = duplicates == Duplicates::first ? rows[0] : duplicates == Duplicates::sum ? rows.sum(0) : rows.mean(0);
      EXPECT_TRUE(is_close(voxels[v], expected));
    }
  }
}

TEST_P(VoxelIndexOn, IgnoresStrides) {
  const at::Tensor coords = here(random_coords(100, 9));
  EXPECT_TRUE(is_same_bits(voxel_index(coords.t().contiguous().t()).keys, voxel_index(coords).keys));
}

TEST_P(VoxelIndexOn, HasAPortableForm) {
  for (const int64_t draws : {0, 1, 300}) {
    const at::Tensor coords = here(at::randint(0, 4, {draws, 4}, at::kInt));
    const VoxelIndex ours = voxel_index(coords, Duplicates::sum);
    const PortableGuard portable;
    const VoxelIndex theirs = voxel_index(coords, Duplicates::sum);
    EXPECT_TRUE(is_same_bits(theirs.keys, ours.keys));
    EXPECT_TRUE(is_same_bits(theirs.order, ours.order));
    EXPECT_TRUE(is_same_bits(theirs.offsets, ours.offsets));
    EXPECT_TRUE(is_same_bits(theirs.inverse, ours.inverse));
  }
}

TEST_P(VoxelIndexOn, FindsWhereEventsBegin) {
  for (const int64_t draws : {0, 1, 40, 400})
    for (const bool portable : {false, true}) {
      at::Tensor coords = random_coords(draws, 9, 5);
      coords.select(1, 0).mul_(2);  // every other event, the first and the last alike, has no voxel
      coords.select(1, 0).add_(1);
      const at::Tensor keys = voxel_index(here(coords)).keys;
      const PortableGuard guard(portable);
      const at::Tensor offsets = event_offsets(keys, 12).cpu();
      ASSERT_EQ(offsets.sizes(), at::IntArrayRef({13}));
      for (int64_t event = 0; event <= 12; ++event) EXPECT_EQ(offsets[event].item<int64_t>(), coords.select(1, 0).lt(event).sum().item<int64_t>());
    }
  EXPECT_TRUE(is_same_bits(event_offsets(here(at::empty({0}, at::kLong)), 0).cpu(), at::zeros({1}, at::kLong)));
  const at::Tensor all = voxel_index(here(coords_of({{0, 0, 0, 0}, {32768, 0, 0, 0}, {65535, 1, 1, 1}}))).keys, offsets = event_offsets(all, 65536);
  EXPECT_EQ(offsets.diff().sum().item<int64_t>(), 3);
  EXPECT_EQ(offsets[65535].item<int64_t>(), 2);
}

TEST_P(VoxelIndexOn, PoolsWholeEvents) {
  const at::Tensor coords = random_coords(200, 4, 3), keys = voxel_index(here(coords)).keys;
  const at::Tensor x = at::randn({keys.numel(), 3}, at::kDouble), event = voxel_coords(keys).select(1, 0).cpu();
  const at::Tensor pooled = segment_reduce(here(x), event_offsets(keys, 4), SegmentReduction::mean).cpu();
  for (int64_t e = 0; e < 4; ++e) {
    const at::Tensor rows = x.index_select(0, event.eq(e).nonzero().squeeze(1));
    EXPECT_TRUE(is_close(pooled[e], rows.size(0) == 0 ? at::zeros({3}, at::kDouble) : rows.mean(0)));
  }
}

TEST_P(VoxelIndexOn, LooksForDuplicatesInItsPortableFormToo) {
  const PortableGuard portable;
  const at::Tensor coords = here(at::tensor({1, 2, 3, 4, 0, 0, 0, 0, 1, 2, 3, 4}, at::kInt).view({3, 4}));
  EXPECT_THROW(voxel_index(coords), c10::Error);
  EXPECT_EQ(voxel_index(coords.slice(0, 0, 2)).keys.numel(), 2);
  EXPECT_EQ(voxel_index(coords.slice(0, 0, 0)).keys.numel(), 0);
  EXPECT_EQ(voxel_index(coords, Duplicates::first).keys.numel(), 2);
}

INSTANTIATE_TEST_SUITE_P(Devices, VoxelIndexOn, ::testing::Values(at::kCPU, at::kCUDA));

TEST(VoxelIndex, PassesGradientsOfFeatures) {
  const VoxelIndex index = voxel_index(at::randint(0, 3, {40, 4}, at::kInt), Duplicates::mean);
  for (const auto duplicates : {Duplicates::first, Duplicates::sum, Duplicates::mean})
    EXPECT_TRUE(gradcheck([&](const auto& x) { return to_voxels(x[0], index, duplicates); }, {at::randn({40, 2}, at::kDouble)}));
}

TEST(VoxelIndex, TracedPortableFormFitsOtherSizesAndStillRefusesWhatIsWrong) {
  std::vector<c10::IValue> inputs = {random_coords(20, 4), at::zeros({3})};
  const PortableGuard portable;
  const auto traced = torch::jit::tracer::trace(
      inputs,
      [](const std::vector<c10::IValue>& arguments) -> std::vector<c10::IValue> {
        const VoxelIndex index = voxel_index(arguments[0].toTensor());
        return {index.keys, event_offsets_portable(index.keys, arguments[1].toTensor())};
      },
      [](const at::Tensor&) { return std::string(); });
  torch::jit::GraphExecutor executor(traced.first->graph, "voxel_index");
  const PortableGuard ordinary(false);
  for (const int64_t draws : {0, 1, 300}) {
    const at::Tensor coords = random_coords(draws, 9);
    std::vector<c10::IValue> stack = {coords, at::zeros({7})};
    executor.run(stack);
    EXPECT_TRUE(is_same_bits(stack[0].toTensor(), voxel_index(coords).keys));
    EXPECT_TRUE(is_same_bits(stack[1].toTensor(), event_offsets(voxel_index(coords).keys, 7)));
  }
  std::vector<c10::IValue> doubled = {at::zeros({2, 4}, at::kInt), at::zeros({7})};
  EXPECT_ANY_THROW(executor.run(doubled));
  for (const auto& outside : {std::vector<int>{0, 32768, 0, 0}, {0, 0, 0, -32769}, {65536, 0, 0, 0}, {-1, 0, 0, 0}}) {
    std::vector<c10::IValue> stack = {at::tensor(outside, at::kInt).view({1, 4}), at::zeros({7})};
    EXPECT_ANY_THROW(executor.run(stack)) << outside;
  }
}

TEST(VoxelIndex, SaysWhatIsWrong) {
  EXPECT_NE(error_of<Error>([] { voxel_index(at::zeros({3, 4}, at::kLong)); }).find("coords has dtype Long (int32 was expected)"), std::string::npos);
  EXPECT_NE(error_of<Error>([] { voxel_index(at::zeros({3, 3}, at::kInt)); }).find("coords has shape [3, 3] ([N, 4] was expected: event, x, y, z)"), std::string::npos);
  EXPECT_NE(error_of<Error>([] { duplicates_from("some"); }).find("duplicates is 'some' (known: error, first, sum, mean). Did you mean 'sum'?"), std::string::npos);
  EXPECT_NE(error_of<Error>([] { to_voxels(at::zeros({2, 1}), voxel_index(at::zeros({1, 4}, at::kInt))); }).find("x has shape [2, 1] (1 rows were expected"), std::string::npos);
  EXPECT_NE(error_of<Error>([] { event_offsets(at::zeros({3}, at::kInt), 2); }).find("tev::event_offsets: keys is Int [3] (int64 [M] was expected"), std::string::npos);
  EXPECT_NE(error_of<Error>([] { event_offsets(at::zeros({0}, at::kLong), 65537); }).find("num_events is 65537 (a number from 0 to 65536 was expected)"), std::string::npos);
  const at::Tensor keys = voxel_index(at::tensor({0, 0, 0, 0, 4, 0, 0, 0}, at::kInt).view({2, 4})).keys;
  EXPECT_NE(error_of<Error>([&] { event_offsets(keys, 4); }).find("there is a voxel of event 4 (events 0 to 3 were expected, as num_events is 4)"), std::string::npos);
  EXPECT_NE(error_of<Error>([&] { event_offsets(keys.flip(0), 5); }).find("keys do not rise at position 1"), std::string::npos);
  const VoxelIndex doubled = voxel_index(at::zeros({2, 4}, at::kInt), Duplicates::sum);
  EXPECT_NE(error_of<Error>([&] { to_voxels(at::zeros({2, 1}), doubled); }).find("2 rows are 1 voxels"), std::string::npos);
}

}  // namespace
}  // namespace tev
