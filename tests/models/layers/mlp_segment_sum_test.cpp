#include "models/layers/mlp_segment_sum.hpp"

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "models/layers/mlp_stack.hpp"
#include "tests/models/ragged_batch.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <torch/csrc/autograd/autograd.h>

namespace tev {
namespace {

struct Case {
  std::vector<int64_t> lengths;
  std::vector<int64_t> widths;
  bool weighted;
};

// More rows than tiles, tiles cut inside events, empty events at both ends and in between, one event over many tiles.
const std::vector<Case> cases = {
    {{3, 0, 2}, {4, 5}, false}, {{0, 0, 700, 1, 0, 1300, 5, 0}, {6, 7, 9}, true},
    {{2500}, {5}, false},       {{}, {4}, false},
    {{0, 0}, {4, 3}, true},     {{511, 1, 512, 513, 0, 100, 900}, {3, 8}, false},
};

struct Problem {
  RaggedBatch rows;
  at::Tensor z;
  MlpStack stack{nullptr};
};

Problem make_problem(const Case& c, at::ScalarType dtype = at::kDouble) {
  at::manual_seed(11);
  Problem problem{ragged_batch(c.lengths, 3, dtype), {}, MlpStack(MlpStackOptions{3, c.widths}, "test")};
  if (c.weighted) problem.z = at::rand({problem.rows.values_NC.size(0)}, dtype);
  problem.stack->to(dtype);
  for (auto& parameter : problem.stack->parameters())
    at::NoGradGuard(), parameter.detach().add_(at::randn_like(parameter), 0.2);
  problem.rows.values_NC.requires_grad_();
  return problem;
}

at::Tensor fused(const Problem& p) {
  return mlp_segment_sum(p.rows.values_NC, p.rows.offsets, p.stack->linear_parameters(), p.z);
}

at::Tensor separate(const Problem& p) {
  at::Tensor y = p.stack.ptr()->as<MlpStackImpl>()->forward(p.rows.values_NC);
  if (p.z.defined()) y = y * p.z.unsqueeze(1);
  return segment_reduce(y, p.rows.offsets, SegmentReduction::sum);
}

std::vector<at::Tensor> gradients_of(const Problem& p, const at::Tensor& out) {
  std::vector<at::Tensor> inputs = p.stack->linear_parameters();
  inputs.push_back(p.rows.values_NC);
  const at::Tensor seed = at::cos(at::arange(out.numel(), out.options())).view_as(out);
  return torch::autograd::grad({out}, inputs, {seed});
}

TEST(MlpSegmentSum, EqualsTheSeparateOperatorsForwardAndBackward) {
  for (const Case& c : cases) {
    const Problem p = make_problem(c);
    const at::Tensor expected = separate(p), out = fused(p);
    ASSERT_TRUE(at::allclose(out, expected, 1e-12, 1e-12));
    const auto expected_gradients = gradients_of(p, expected), gradients = gradients_of(p, out);
    for (size_t i = 0; i < gradients.size(); ++i)
      EXPECT_TRUE(at::allclose(gradients[i], expected_gradients[i], 1e-10, 1e-10)) << i;
  }
}

TEST(MlpSegmentSum, SinglePrecisionAgreesWithinRounding) {
  const Problem p = make_problem(cases[1], at::kFloat);
  EXPECT_TRUE(at::allclose(fused(p), separate(p), 1e-4, 1e-4));
  const auto expected = gradients_of(p, separate(p)), gradients = gradients_of(p, fused(p));
  for (size_t i = 0; i < gradients.size(); ++i) EXPECT_TRUE(at::allclose(gradients[i], expected[i], 1e-3, 1e-3)) << i;
}

TEST(MlpSegmentSum, GradientIsTheDifferenceQuotient) {
  const Problem p = make_problem(cases[0]);
  const at::Tensor gradient = gradients_of(p, fused(p)).back();
  at::Tensor x = p.rows.values_NC.detach();
  const auto loss = [&] {
    at::NoGradGuard no_grad;
    const at::Tensor out = fused(p);
    return at::cos(at::arange(out.numel(), out.options())).view_as(out).mul(out).sum().item<double>();
  };
  for (int64_t i = 0; i < x.numel(); ++i) {
    double& element = x.data_ptr<double>()[i];
    const double start = element, step = 1e-6;
    element = start + step;
    const double up = loss();
    element = start - step;
    const double down = loss();
    element = start;
    EXPECT_NEAR(gradient.view(-1)[i].item<double>(), (up - down) / (2 * step), 1e-6);
  }
}

TEST(MlpSegmentSum, WithoutGradientAgreesWithinRounding) {
  const Problem p = make_problem(cases[1], at::kFloat);
  const at::Tensor with = fused(p);
  at::NoGradGuard no_grad;
  EXPECT_TRUE(at::allclose(with, fused(p), 1e-5, 1e-5));
}

TEST(MlpSegmentSum, RunsTwiceToTheSameBitsOnAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  const Problem p = make_problem(cases[1], at::kFloat);
  std::vector<at::Tensor> reference;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    const auto first = gradients_of(p, fused(p)), second = gradients_of(p, fused(p));
    for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], second[i])) << threads << " " << i;
    if (reference.empty()) reference = first;
    for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::allclose(first[i], reference[i], 1e-4, 1e-4)) << threads;
  }
  at::set_num_threads(before);
}

TEST(MlpSegmentSum, KeepsNaN) {
  const Problem p = make_problem(cases[0]);
  p.rows.values_NC.detach()[0][0] = NAN;
  const at::Tensor out = fused(p).detach();
  EXPECT_TRUE(out[0].isnan().all().item<bool>());
  EXPECT_TRUE(out[2].isfinite().all().item<bool>());
}

TEST(MlpSegmentSum, RefusesASecondDerivative) {
  const Problem p = make_problem(cases[0]);
  const at::Tensor loss = fused(p).pow(2).sum();
  const auto derive = [&] { torch::autograd::grad({loss}, {p.rows.values_NC}, {}, true, true); };
  EXPECT_EQ(test::error_of<Error>(derive).find("mlp_segment_sum: a second derivative was asked for"), 0u);
}

TEST(MlpSegmentSum, RefusesOffsetsThatDoNotDivideTheRows) {
  Problem p = make_problem(cases[0]);
  p.rows.offsets = at::tensor({0, 3, 6}, at::kLong);
  EXPECT_THROW(fused(p), Error);
}

TEST(MlpSegmentSum, StandsBackWhereItCannotHelp) {
  const Problem p = make_problem(cases[0], at::kFloat);
  const at::Tensor& x = p.rows.values_NC;
  EXPECT_TRUE(mlp_segment_sum_applies(x, {}));
  EXPECT_FALSE(mlp_segment_sum_applies(x.to(at::kBFloat16), {}));
  EXPECT_FALSE(mlp_segment_sum_applies(x, at::rand({5}).requires_grad_()));
  at::autocast::set_autocast_enabled(at::kCPU, true);
  EXPECT_FALSE(mlp_segment_sum_applies(x, {}));
  at::autocast::set_autocast_enabled(at::kCPU, false);
  const PortableGuard portable;
  EXPECT_FALSE(mlp_segment_sum_applies(x, {}));
}

}  // namespace
}  // namespace tev
