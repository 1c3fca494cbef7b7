#include "models/efn/efn.hpp"

#include "base/check.hpp"
#include "tests/models/ragged_batch.hpp"
#include "tests/models/trace_model.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

// z stands in the middle, so that what Phi reads comes from both sides of it.
const DataSpec jets{{{"part", true, {"eta", "z", "phi"}, {"z"}}}, {"QCD", "top"}};

Columns columns_of(const std::vector<at::Tensor>& inputs) { return {{"part", {inputs[0], inputs[1]}}}; }

std::vector<at::Tensor> batch(const std::vector<int64_t>& lengths) {
  const RaggedBatch rows = ragged_batch(lengths, 3);
  rows.values_NC.select(1, 1).uniform_();
  return {rows.values_NC, rows.offsets};
}

EfnOptions small() {
  EfnOptions options;
  options.phi = {8, 6};
  options.f = {5};
  return options;
}

TEST(Efn, DoesNotSeeACollinearSplittingOrSoftConstituents) {
  at::manual_seed(4);
  EfnImpl efn(small(), jets);
  const at::Tensor whole = at::tensor({0.1f, 0.7f, -0.2f, 0.5f, 0.3f, 0.4f}).view({2, 3});
  // The first constituent is shared by two in the same direction, and one of z = 0 is added.
  const at::Tensor split =
      at::tensor({0.1f, 0.5f, -0.2f, 0.1f, 0.2f, -0.2f, 0.5f, 0.3f, 0.4f, 2.f, 0.f, -3.f}).view({4, 3});
  EXPECT_TRUE(at::allclose(efn.forward(columns_of({whole, at::tensor({0, 2}, at::kLong)})),
                           efn.forward(columns_of({split, at::tensor({0, 4}, at::kLong)})), 1e-5, 1e-6));
}

TEST(Efn, DependsOnTheAnglesOnBothSidesOfZ) {
  at::manual_seed(4);
  EfnImpl efn(small(), jets);
  const auto inputs = batch({3});
  const at::Tensor logits = efn.forward(columns_of(inputs));
  for (const int64_t feature : {0, 1, 2}) {
    at::Tensor moved = inputs[0].clone();
    moved.select(1, feature).add_(0.5);
    EXPECT_FALSE(at::allclose(logits, efn.forward(columns_of({moved, inputs[1]})))) << feature;
  }
}

TEST(Efn, TracesForOtherBatchSizesAndLengths) {
  at::manual_seed(4);
  EfnImpl efn(small(), jets);
  expect_trace_agrees(efn, batch({4, 1, 6}),
                      {batch({4, 1, 6}), batch({2}), batch({0, 0}), batch({200, 0, 1, 7}), batch({})}, columns_of, "tev::segment_reduce");
}

TEST(Efn, RefusesAZThatCannotWeigh) {
  const auto message = [](const ObjectSpec& object) {
    return test::error_of<InputError>([&] { EfnImpl(EfnOptions(), DataSpec{{object}, {"QCD", "top"}}); });
  };
  EXPECT_EQ(
      message({"part", true, {"eta", "z"}, {}}),
      "model.z: feature 'z' of object 'part' is standardised (an Energy Flow Network weighs with the fraction itself). "
      "Add data.raw_features: [part.z].");
  EXPECT_EQ(message({"part", true, {"eta", "phi"}, {}})
                .find("model.z: object 'part' has no feature 'z' (features: eta, phi)."),
            0u);
  EXPECT_EQ(message({"part", true, {"z"}, {"z"}}).find("model.z: 'z' is the only feature of object 'part'"), 0u);
}

}  // namespace
}  // namespace tev
