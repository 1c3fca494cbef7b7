#include "models/sparse_resnet/sparse_resnet.hpp"

#include "base/check.hpp"
#include "tests/models/trace_model.hpp"
#include "tests/models/voxel_batch.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

namespace tev {
namespace {

const DataSpec events{{{"voxel", true, {"energy", "x", "y", "z", "time"}, {"x", "y", "z"}}}, {"muon", "electron"}};

SparseResnetOptions small() {
  SparseResnetOptions options;
  options.filters = 3;
  options.depth = 3;
  options.reps = 1;
  return options;
}

Columns columns_of(const std::vector<at::Tensor>& inputs) { return {{"voxel", {inputs[0], inputs[1]}}}; }

TEST(SparseResnet, GivesEachEventWhatItGivesItAlone) {
  at::manual_seed(3);
  SparseResnetImpl network(small(), events);
  network.eval();
  const auto inputs = voxel_batch({50, 0, 30, 0});
  const at::Tensor logits = network.forward(columns_of(inputs));
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({4, 2}));
  EXPECT_TRUE(at::allclose(logits[2], network.forward(columns_of({inputs[0].slice(0, 50), at::tensor({0, 30}, at::kLong)}))[0], 1e-4, 1e-5));
  EXPECT_TRUE(logits[1].equal(logits[3]));
  EXPECT_TRUE(logits[1].equal(network.named_parameters()["output.bias"]));
}

TEST(SparseResnet, DoesNotDependOnTheOrderOfVoxels) {
  at::manual_seed(3);
  SparseResnetImpl network(small(), events);
  network.eval();
  const auto inputs = voxel_batch({60, 40});
  const at::Tensor order = at::cat({at::randperm(60), at::randperm(40) + 60});
  EXPECT_TRUE(network.forward(columns_of({inputs[0].index_select(0, order), inputs[1]})).equal(network.forward(columns_of(inputs))));
}

TEST(SparseResnet, TakesTheMeanOfTheCoarsestVoxels) {
  at::manual_seed(3);
  SparseResnetImpl network(small(), events);
  network.eval();
  const at::Tensor near = at::tensor({2000.0f, 0.0f, 0.0f, 0.0f, 100.0f}), far = at::tensor({-900.0f, 1024.0f, 0.0f, 0.0f, 300.0f});
  const at::Tensor logits = network.forward(columns_of({at::stack({near, far, near, far}), at::tensor({0, 1, 2, 4}, at::kLong)}));
  EXPECT_FALSE(at::allclose(logits[0], logits[1], 1e-2, 1e-3));
  EXPECT_TRUE(at::allclose(logits[2], (logits[0] + logits[1]) / 2, 1e-5, 1e-6));
}

TEST(SparseResnet, TracesForOtherBatches) {
  at::manual_seed(3);
  SparseResnetImpl network(small(), events);
  network.forward(columns_of(voxel_batch({50, 60})));
  expect_trace_agrees(network, voxel_batch({3, 2}), {voxel_batch({3, 2}), voxel_batch({100}), voxel_batch({0, 30, 0, 10, 0}), voxel_batch({0})}, columns_of, "tev::sparse_conv");
}

TEST(SparseResnet, RefusesLabelsOfRows) {
  DataSpec rows = events;
  rows.label_object = "voxel";
  EXPECT_EQ(test::error_of<InputError>([&] { SparseResnetImpl(small(), rows); }),
            "data.label.object: 'voxel' (this model gives one answer an event, not one a row). Leave the key out, or choose a model of rows, such as sparse_uresnet.");
}

}  // namespace
}  // namespace tev
