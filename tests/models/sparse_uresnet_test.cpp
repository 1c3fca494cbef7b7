#include "models/sparse_uresnet/sparse_uresnet.hpp"

#include "base/check.hpp"
#include "tests/models/trace_model.hpp"
#include "tests/models/voxel_batch.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <utility>

namespace tev {
namespace {

const DataSpec voxels{{{"voxel", true, {"energy", "x", "y", "z", "time"}, {"x", "y", "z"}}}, {"shower", "track", "michel"}, "voxel"};

SparseUresnetOptions small() {
  SparseUresnetOptions options;
  options.filters = 3;
  options.depth = 3;
  options.reps = 2;
  return options;
}

Columns columns_of(const std::vector<at::Tensor>& inputs) { return {{"voxel", {inputs[0], inputs[1]}}}; }

TEST(SparseUresnet, HasTheParametersThatItsLayersSay) {
  const DataSpec one{{{"voxel", true, {"x", "y", "z", "energy"}, {"x", "y", "z"}}}, {"a", "b", "c", "d", "e"}, "voxel"};
  SparseUresnetOptions options;  // filters 32, depth 5, reps 2
  int64_t count = 0, expected = 27 * 1 * 32;
  for (const auto& parameter : SparseUresnetImpl(options, one).parameters()) count += parameter.numel();
  const auto norm = [](int64_t c) { return 2 * c; };
  const auto block = [&](int64_t in, int64_t out) { return norm(in) + 27 * in * out + norm(out) + 27 * out * out + (in == out ? 0 : in * out); };
  for (int64_t level = 0; level < 5; ++level) {
    const int64_t c = 32 * (level + 1);
    expected += 2 * block(c, c);
    if (level == 4) break;
    expected += norm(c) + 8 * c * (c + 32);                              // down
    expected += norm(c + 32) + 8 * (c + 32) * c;                         // up
    expected += block(2 * c, c) + block(c, c);
  }
  expected += norm(32) + 32 * 5 + 5;
  EXPECT_EQ(count, expected);
}

TEST(SparseUresnet, FollowsTheOrderOfTheRows) {
  at::manual_seed(3);
  SparseUresnetImpl network(small(), voxels);
  network.eval();
  const auto inputs = voxel_batch({60, 40});
  const at::Tensor order = at::cat({at::randperm(60), at::randperm(40) + 60});
  const at::Tensor logits = network.forward(columns_of(inputs));
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({100, 3}));
  EXPECT_TRUE(network.forward(columns_of({inputs[0].index_select(0, order), inputs[1]})).equal(logits.index_select(0, order)));
}

TEST(SparseUresnet, GivesEachEventWhatItGivesItAlone) {
  at::manual_seed(3);
  SparseUresnetImpl network(small(), voxels);
  network.eval();
  const auto inputs = voxel_batch({50, 0, 30, 0});
  const at::Tensor logits = network.forward(columns_of(inputs));
  const at::Tensor alone = network.forward(columns_of({inputs[0].slice(0, 50), at::tensor({0, 30}, at::kLong)}));
  EXPECT_TRUE(at::allclose(logits.slice(0, 50), alone, 1e-4, 1e-5));
}

TEST(SparseUresnet, TakesBatchesWithoutVoxels) {
  SparseUresnetImpl network(small(), voxels);
  for (const auto& lengths : {std::vector<int64_t>{}, {0}, {0, 0}, {1}}) {
    const at::Tensor logits = network.forward(columns_of(voxel_batch(lengths)));
    logits.sum().backward();
    EXPECT_TRUE(at::isfinite(logits).all().item<bool>());
  }
}

TEST(SparseUresnet, SeesNeighboursAcrossLevelsAndNoOtherEvent) {
  at::manual_seed(3);
  SparseUresnetImpl network(small(), voxels);
  network.to(at::kDouble);
  network.eval();
  auto inputs = voxel_batch({40, 40});
  inputs[0] = inputs[0].to(at::kDouble).requires_grad_();
  network.forward(columns_of(inputs))[5].sum().backward();
  const at::Tensor reached = inputs[0].grad().select(1, 0).ne(0);
  EXPECT_GT(reached.slice(0, 0, 40).sum().item<int64_t>(), 20);
  EXPECT_EQ(reached.slice(0, 40).sum().item<int64_t>(), 0);
}

TEST(SparseUresnet, TracesForOtherBatches) {
  at::manual_seed(3);
  SparseUresnetImpl network(small(), voxels);
  for (int i = 0; i < 3; ++i) network.forward(columns_of(voxel_batch({50, 60})));  // moves the running statistics
  expect_trace_agrees(network, voxel_batch({3, 2}), {voxel_batch({3, 2}), voxel_batch({100}), voxel_batch({0, 30, 0, 10}), voxel_batch({1}), voxel_batch({0})}, columns_of, "tev::sparse_conv");
}

TEST(SparseUresnet, ErrorsSayWhichEvent) {
  SparseUresnetImpl network(small(), voxels);
  const auto event_of_error = [&](const std::vector<at::Tensor>& inputs) -> int64_t {
    try {
      network.forward(columns_of(inputs));
    } catch (const EventError& error) {
      return error.event;
    }
    return -1;
  };
  auto inputs = voxel_batch({10, 0, 10, 10});
  EXPECT_EQ(event_of_error(inputs), -1);
  inputs[0][10].slice(0, 1, 4).copy_(inputs[0][19].slice(0, 1, 4));
  EXPECT_EQ(event_of_error(inputs), 2);
  inputs[0][20][2] = 0.5;
  EXPECT_EQ(event_of_error(inputs), 3);
}

/// The first two of 20 voxels have two rows each, with different features.
std::vector<at::Tensor> doubled_batch() {
  const at::Tensor rows = voxel_batch({20})[0], again = rows.slice(0, 0, 2).clone();
  for (const int64_t feature : {0, 4}) again.select(1, feature).add_(1000);
  return {at::cat({rows, again}), at::tensor({0, 22}, at::kLong)};
}

TEST(SparseUresnet, TracesForDoubledVoxels) {
  for (const char* duplicates : {"first", "sum", "mean"}) {
    SparseUresnetOptions options = small();
    options.duplicates = duplicates;
    options.depth = 2;
    SparseUresnetImpl network(options, voxels);
    expect_trace_agrees(network, voxel_batch({3, 2}), {doubled_batch(), voxel_batch({0, 4}), voxel_batch({0})}, columns_of, "tev::sparse_conv");
  }
}

TEST(SparseUresnet, TakesNoMoreEventsThanKeysHave) {
  SparseUresnetImpl network(small(), voxels);
  const auto batch_of = [](int64_t events) { return columns_of({at::empty({0, 5}), at::zeros({events + 1}, at::kLong)}); };
  EXPECT_EQ(network.forward(batch_of(65536)).size(0), 0);
  EXPECT_EQ(test::error_of<InputError>([&] { network.forward(batch_of(65537)); }),
            "train.batch_size: 65537 events in a batch (a network of voxels takes at most 65536). Lower it.");
}

TEST(SparseUresnet, DoubledVoxelsAreAnErrorOrOne) {
  SparseUresnetOptions options = small();
  const auto inputs = doubled_batch();
  SparseUresnetImpl strict(options, voxels);
  EXPECT_NE(test::error_of<EventError>([&] { strict.forward(columns_of(inputs)); }).find("model.coordinates: two rows are at x "), std::string::npos);
  const at::Tensor first = inputs[0].slice(0, 0, 2), again = inputs[0].slice(0, 20);
  for (const auto& [duplicates, joined] : {std::pair<const char*, at::Tensor>{"first", first}, {"sum", first + again}, {"mean", (first + again) / 2}}) {
    options.duplicates = duplicates;
    SparseUresnetImpl network(options, voxels);
    network.eval();
    const at::Tensor single = inputs[0].slice(0, 0, 20).clone();
    for (const int64_t feature : {0, 4}) single.slice(0, 0, 2).select(1, feature).copy_(joined.select(1, feature));
    const at::Tensor logits = network.forward(columns_of(inputs)), expected = network.forward(columns_of({single, at::tensor({0, 20}, at::kLong)}));
    EXPECT_TRUE(at::allclose(logits.slice(0, 0, 20), expected, 1e-5, 1e-5)) << duplicates;
    EXPECT_TRUE(logits.slice(0, 0, 2).equal(logits.slice(0, 20))) << duplicates;
  }
}

TEST(SparseUresnet, RefusesDataThatAreNoVoxels) {
  const auto error = [](const SparseUresnetOptions& options, const DataSpec& spec) { return test::error_of<InputError>([&] { SparseUresnetImpl(options, spec); }); };
  SparseUresnetOptions options = small();
  DataSpec spec = voxels;
  spec.label_object = "";
  EXPECT_EQ(error(options, spec), "data.label.object: not given (this model gives an answer for each row of 'voxel'). Set data.label.object: voxel.");
  spec = voxels;
  spec.objects[0].raw_features = {"x", "y"};
  EXPECT_EQ(error(options, spec), "model.coordinates: 'z' is standardised (voxels need whole numbers). Add voxel.z to data.raw_features.");
  options.coordinates = {"x", "y", "w"};
  EXPECT_EQ(error(options, voxels).find("model.coordinates: 'voxel' has no feature 'w' (features: energy, x, y, z, time)."), 0u);
  options.coordinates = {"x", "y"};
  EXPECT_EQ(error(options, voxels).find("model.coordinates: 2 names (three were expected, of the features that are x, y, z)."), 0u);
  options = small();
  spec = voxels;
  spec.objects[0].features = {"x", "y", "z"};
  EXPECT_EQ(error(options, spec).find("data.features.voxel: coordinates alone (the network reads at least one more feature of a voxel)."), 0u);
}

/// In bytes: what malloc gave and has not got back, and all memory of the process.
struct MemoryUse {
  int64_t malloced = 0, resident = 0;
};

MemoryUse memory_in_use() {
  const auto heap = mallinfo2();
  int64_t pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident_pages;
  return {static_cast<int64_t>(heap.uordblks + heap.hblkhd), resident_pages * sysconf(_SC_PAGESIZE)};
}

TEST(SparseUresnet, KeepsItsMemoryFlatOverBatchesOfAnySize) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer keeps what was freed";
#endif
  at::manual_seed(3);
  SparseUresnetOptions options = small();
  options.depth = 2;
  options.reps = 1;
  SparseUresnetImpl network(options, voxels);
  std::mt19937 random(5);
  MemoryUse early, late;
  for (int step = 0; step < 1000; ++step) {
    std::vector<int64_t> lengths(1 + random() % 4);
    for (int64_t& length : lengths) length = static_cast<int64_t>(random() % 200);
    network.forward(columns_of(voxel_batch(lengths))).square().sum().backward();
    network.zero_grad();
    if (step < 200) early = memory_in_use();
    late = memory_in_use();
  }
  EXPECT_LT(late.malloced - early.malloced, 1 << 20);
  EXPECT_LT(late.resident - early.resident, 16 << 20);
}

}  // namespace
}  // namespace tev
