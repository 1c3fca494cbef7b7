#include "engine/objective/classification.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

at::Tensor floats(const std::vector<float>& values) { return at::tensor(values, at::kFloat); }
at::Tensor labels(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); }

double negative_log_softmax(const std::vector<double>& logits, size_t label) {
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit);
  return std::log(sum) - logits[label];
}

TEST(Classification, SumsWeightTimesCrossEntropy) {
  const at::Tensor logits = floats({1, 2, -1, 0.5f, 0, 3}).view({2, 3});
  const at::Tensor loss = Classification(3).loss_sum(logits, labels({1, 2}), floats({0.5f, -2}));
  const double expected = 0.5 * negative_log_softmax({1, 2, -1}, 1) - 2 * negative_log_softmax({0.5, 0, 3}, 2);
  EXPECT_NEAR(loss.item<double>(), expected, 1e-6);
}

TEST(Classification, BinaryIsTwoLogits) {
  const at::Tensor logits = floats({0.25f, 1.5f}).view({1, 2});
  const at::Tensor loss = Classification(2).loss_sum(logits, labels({1}), floats({1}));
  EXPECT_NEAR(loss.item<double>(), std::log1p(std::exp(-1.25)), 1e-6);
}

TEST(Classification, DividedBatchesAddUpToTheWholeOne) {
  at::manual_seed(3);
  const at::Tensor logits = at::randn({10, 4}), label = at::randint(4, {10}, at::kLong), weight = at::rand({10});
  const Classification objective(4);
  const at::Tensor whole = objective.loss_sum(logits, label, weight);
  const at::Tensor first = objective.loss_sum(logits.slice(0, 0, 3), label.slice(0, 0, 3), weight.slice(0, 0, 3));
  const at::Tensor second = objective.loss_sum(logits.slice(0, 3), label.slice(0, 3), weight.slice(0, 3));
  EXPECT_NEAR(first.add(second).item<double>(), whole.item<double>(), 1e-5);
}

TEST(Classification, GradientIsWeightTimesProbabilityMinusLabel) {
  at::Tensor logits = floats({1, -1, 0, 2}).view({2, 2}).requires_grad_();
  const Classification objective(2);
  objective.loss_sum(logits, labels({0, 1}), floats({3, -0.5f})).backward();
  const at::Tensor one_hot = floats({1, 0, 0, 1}).view({2, 2});
  const at::Tensor expected =
      objective.probabilities(logits.detach()).sub(one_hot).mul(floats({3, -0.5f}).unsqueeze(1));
  EXPECT_TRUE(at::allclose(logits.grad(), expected, 1e-5, 1e-6));
}

TEST(Classification, LabelSmoothingSpreadsTheLabel) {
  const at::Tensor logits = floats({1, 2, -1}).view({1, 3});
  const at::Tensor loss = Classification(3, 0.3).loss_sum(logits, labels({1}), floats({1}));
  double expected = 0.7 * negative_log_softmax({1, 2, -1}, 1);
  for (size_t k = 0; k < 3; ++k) expected += 0.1 * negative_log_softmax({1, 2, -1}, k);
  EXPECT_NEAR(loss.item<double>(), expected, 1e-6);
}

TEST(Classification, HalfPrecisionLogitsGiveFloatLossAndProbabilities) {
  const at::Tensor logits = floats({1, 2}).view({1, 2}).to(at::kBFloat16);
  const Classification objective(2);
  EXPECT_EQ(objective.loss_sum(logits, labels({0}), floats({1})).scalar_type(), at::kFloat);
  const at::Tensor probabilities = objective.probabilities(logits);
  EXPECT_EQ(probabilities.scalar_type(), at::kFloat);
  EXPECT_NEAR(probabilities.sum().item<double>(), 1, 1e-6);
}

TEST(Classification, EmptyBatchGivesZeroAndZeroGradient) {
  at::Tensor logits = at::zeros({0, 2}).requires_grad_();
  const at::Tensor loss = Classification(2).loss_sum(logits, at::zeros({0}, at::kLong), at::zeros({0}));
  loss.backward();
  EXPECT_EQ(loss.item<double>(), 0);
}

TEST(Classification, RefusesShapesThatDoNotFit) {
  const Classification objective(2);
  EXPECT_THROW(objective.loss_sum(at::zeros({3, 1}), at::zeros({3}, at::kLong), at::ones({3})), Error);
  EXPECT_THROW(objective.loss_sum(at::zeros({3, 2}), at::zeros({3}, at::kLong), at::ones({3, 1})), Error);
}

TEST(MakeObjective, NamesTheKeyOfAnUnknownOne) {
  ObjectiveConfig config;
  config.name = "regression";
  EXPECT_EQ(test::error_of<InputError>([&] { make_objective(config, DataSpec{{}, {"QCD", "top"}}); }),
            "objective.name: 'regression' is not an objective (known: classification).");
}

}  // namespace
}  // namespace tev
