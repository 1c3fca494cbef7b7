#include "engine/train/training_step.hpp"

#include "engine/optimizer/schedule.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

using test::error_of;

/// logits = (0, x w), or (0, x sqrt(w)).
class Slope final : public Model {
 public:
  Slope(double start, bool root) : root_(root) { weight = register_parameter("weight", at::full({1}, start)); }
  at::Tensor forward(const Columns& inputs) override {
    const at::Tensor x = inputs.at("event").values;
    return at::cat({at::zeros_like(x), x.mul(root_ ? weight.sqrt() : weight)}, 1);
  }
  at::Tensor weight;

 private:
  const bool root_;
};

Batch batch_of(const std::vector<float>& x, const std::vector<int64_t>& label, const std::vector<float>& weight) {
  Batch batch;
  const auto n = static_cast<int64_t>(x.size());
  batch.inputs["event"].values = at::tensor(x).view({n, 1});
  batch.label = at::tensor(label, at::kLong);
  batch.weight = at::tensor(weight);
  batch.sample_id = at::arange(100, 100 + n);
  return batch;
}

/// One step of plain gradient descent with step size 1.
struct Fixture {
  explicit Fixture(double start, bool root = false, double mean_weight = 1)
      : model(start, root), optimizer(make_optimizer(sgd(), {{"weight", model.weight}})), schedule({}, sgd(), {1, 1}),
        objective(make_objective({}, DataSpec{{}, {"a", "b"}})),
        step(model, *objective, *optimizer, schedule, {Precision::fp32, 0, 1, mean_weight}) {}

  static OptimizerConfig sgd() {
    OptimizerConfig config;
    config.name = "sgd";
    config.lr = 1;
    return config;
  }
  double weight() const { return model.weight.item<double>(); }

  Slope model;
  std::unique_ptr<Optimizer> optimizer;
  Schedule schedule;
  std::unique_ptr<Objective> objective;
  TrainingStep step;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(TrainingStep, DividesByEventsTimesTheMeanWeightOfTheTraining) {
  // Weights of both signs that add up to nothing: the gradient is that of sum(weight x loss) / (3 x 0.5).
  Fixture f(0.2, false, 0.5);
  const StepResult result = f.step({batch_of({1, 2, 3}, {1, 0, 1}, {1, 1, -2})}, 0);
  EXPECT_DOUBLE_EQ(result.weight, 1.5);
  const double gradient = 1 * 1 * (sigmoid(0.2) - 1) + 1 * 2 * sigmoid(0.4) - 2 * 3 * (sigmoid(0.6) - 1);
  EXPECT_NEAR(f.weight(), 0.2 - gradient / 1.5, 1e-6);
}

TEST(TrainingStep, DividesByTheRowsThatHaveLabels) {
  Batch rows = batch_of({1, 2, 3}, {1, 0, 1}, {1, 1, 1});
  rows.sample_id = at::arange(100, 102);
  rows.label_offsets = at::tensor({0, 1, 3}, at::kLong);
  Fixture events(0.2), labelled(0.2);
  const double expected = events.step({batch_of({1, 2, 3}, {1, 0, 1}, {1, 1, 1})}, 0).weight;
  EXPECT_EQ(labelled.step({rows}, 0).weight, expected);
  EXPECT_EQ(labelled.weight(), events.weight());
  rows.inputs["event"].values[2][0] = NAN;
  Fixture broken(0.2);
  EXPECT_NE(error_of<NonFiniteEvents>([&] { broken.step({rows}, 0); }).find("it comes from 1 of 2 events, sample ids 101."), std::string::npos);
}

TEST(TrainingStep, SeveralBatchesAreOneStep) {
  Fixture one(0.2), two(0.2);
  one.step({batch_of({1, 2, 3}, {1, 0, 1}, {1, 2, 1})}, 0);
  two.step({batch_of({1}, {1}, {1}), batch_of({2, 3}, {0, 1}, {2, 1})}, 0);
  EXPECT_NEAR(one.weight(), two.weight(), 1e-7);
}

TEST(TrainingStep, WithoutEventsNothingIsUpdated) {
  Fixture f(0.2);
  EXPECT_EQ(f.step({batch_of({}, {}, {})}, 0).weight, 0);
  EXPECT_FLOAT_EQ(static_cast<float>(f.weight()), 0.2F);
}

TEST(TrainingStep, ALossThatIsNotFiniteNamesItsEventsAndChangesNoWeight) {
  Fixture f(0.2);
  const auto act = [&] { f.step({batch_of({1, INFINITY, 3}, {1, 0, 1}, {1, 1, 1})}, 7); };
  EXPECT_EQ(error_of<Error>(act),
            "train: the loss of step 7 is not finite; it comes from 1 of 3 events, sample ids 101. Lower optimizer.lr, set "
            "optimizer.clip_norm, or look at these events.");
  EXPECT_FLOAT_EQ(static_cast<float>(f.weight()), 0.2F);
}

TEST(TrainingStep, AGradientThatIsNotFiniteStopsBeforeTheUpdate) {
  Fixture f(0, true);  // d sqrt(w) / dw at 0
  EXPECT_EQ(error_of<Error>([&] { f.step({batch_of({1, 2}, {1, 0}, {1, 1})}, 3); }),
            "train: the gradient of step 3 has the norm inf although its loss is finite; sample ids 100, 101. Lower optimizer.lr, or "
            "look at these events.");
  EXPECT_EQ(f.weight(), 0);
}

}  // namespace
}  // namespace tev
