#include "models/mlp/mlp.hpp"

#include "base/check.hpp"
#include "tests/models/trace_model.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

namespace tev {
namespace {

const DataSpec events{{{"event", false, {"pt", "eta", "mass"}, {}}}, {"background", "signal"}};

Columns columns_of(const std::vector<at::Tensor>& inputs) { return {{"event", {inputs[0], {}}}}; }

TEST(Mlp, IsTheNetworkOfTheHiggsBenchmark) {
  at::manual_seed(6);
  MlpOptions options;
  options.widths = {300, 300, 300, 300, 300};
  options.activation = "tanh";
  options.init = "baldi_normal";
  MlpImpl mlp(options, events);
  const auto parameters = mlp.named_parameters();
  EXPECT_EQ(parameters.size(), 12u);
  EXPECT_NEAR(parameters["stack.linear1.weight"].std().item<double>(), 0.1, 0.01);
  EXPECT_NEAR(parameters["stack.linear5.weight"].std().item<double>(), 0.05, 0.002);
  EXPECT_NEAR(parameters["output.weight"].std().item<double>(), 0.001, 0.0002);
}

TEST(Mlp, AnswersForEachRowWhereRowsHaveClasses) {
  at::manual_seed(6);
  MlpImpl mlp(MlpOptions(), DataSpec{{{"hit", true, {"x", "y"}, {}}}, {"noise", "track"}, "hit"});
  const at::Tensor x = at::randn({5, 2});
  const at::Tensor logits = mlp.forward({{"hit", {x, at::tensor({0, 2, 5}, at::kLong)}}});
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({5, 2}));
  EXPECT_TRUE(at::allclose(logits.slice(0, 3, 4), mlp.forward({{"hit", {x.slice(0, 3, 4), at::tensor({0, 1}, at::kLong)}}}), 1e-5, 1e-6));
}

TEST(Mlp, WithoutHiddenLayersIsLinear) {
  MlpOptions options;
  options.widths = {};
  MlpImpl mlp(options, events);
  const at::Tensor x = at::randn({4, 3});
  const auto parameters = mlp.named_parameters();
  EXPECT_TRUE(at::allclose(mlp.forward(columns_of({x})),
                           at::linear(x, parameters["output.weight"], parameters["output.bias"])));
}

TEST(Mlp, TracesForOtherBatchSizes) {
  at::manual_seed(6);
  MlpOptions options;
  options.widths = {8, 8};
  options.activation = "tanh";
  options.dropout = 0.3;
  options.batch_norm = true;
  MlpImpl mlp(options, events);
  mlp.forward(columns_of({at::randn({50, 3}) * 2 + 1}));  // moves the running statistics away from their start
  expect_trace_agrees(mlp, {at::randn({5, 3})},
                      {{at::randn({5, 3})}, {at::randn({1, 3})}, {at::randn({500, 3})}, {at::randn({0, 3})}},
                      columns_of);
}

TEST(Mlp, NormalisesABatchOfOneWithTheRunningStatistics) {
  at::manual_seed(6);
  MlpOptions options;
  options.widths = {8};
  options.batch_norm = true;
  MlpImpl mlp(options, events);
  mlp.forward(columns_of({at::randn({50, 3})}));
  const at::Tensor mean = mlp.named_buffers()["stack.norm1.running_mean"].clone();
  const at::Tensor one = at::randn({1, 3});
  const at::Tensor training = mlp.forward(columns_of({one}));
  EXPECT_TRUE(at::equal(mean, mlp.named_buffers()["stack.norm1.running_mean"]));
  mlp.eval();
  EXPECT_TRUE(at::equal(training, mlp.forward(columns_of({one}))));
}

TEST(Mlp, NeedsEventFeatures) {
  const DataSpec no_event{{{"part", true, {"pt"}, {}}}, {"background", "signal"}};
  EXPECT_EQ(test::error_of<InputError>([&] { MlpImpl({}, no_event); }),
            "model.name: mlp: there are no event features (one row of numbers an event is read). Add "
            "data.features.event.");
}

}  // namespace
}  // namespace tev
