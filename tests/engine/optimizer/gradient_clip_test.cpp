#include "engine/optimizer/gradient_clip.hpp"

#include "base/check.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tev {
namespace {

at::Tensor clip(const NamedTensors& parameters, double max_norm) {
  const at::Tensor norm = gradient_norm(parameters);
  clip_gradients(parameters, norm, max_norm);
  return norm;
}

NamedTensors with_gradients(const std::vector<at::Tensor>& gradients) {
  NamedTensors parameters;
  for (const auto& gradient : gradients) {
    at::Tensor parameter = at::zeros(gradient.sizes()).set_requires_grad(true);
    parameter.mutable_grad() = gradient;
    parameters.emplace_back(std::to_string(parameters.size()), parameter);
  }
  parameters.emplace_back("unused", at::zeros(2).set_requires_grad(true));
  return parameters;
}

TEST(GradientClipTest, ScalesAllGradientsByTheGlobalNorm) {
  const NamedTensors parameters = with_gradients({at::full({1}, 3.F), at::full({1}, 4.F)});
  EXPECT_FLOAT_EQ(clip(parameters, 1).item<float>(), 5);
  EXPECT_FLOAT_EQ(parameters[0].second.grad().item<float>(), 3.F / (5 + 1e-6F));
  EXPECT_FLOAT_EQ(parameters[1].second.grad().item<float>(), 4.F / (5 + 1e-6F));
  EXPECT_FALSE(parameters[2].second.grad().defined());
}

TEST(GradientClipTest, SmallGradientsKeepEveryBit) {
  const at::Tensor gradient = at::full({5}, 0.1F);
  const NamedTensors parameters = with_gradients({gradient.clone()});
  EXPECT_FLOAT_EQ(clip(parameters, 1).item<float>(), std::sqrt(0.05F));
  EXPECT_TRUE(at::equal(parameters[0].second.grad(), gradient));
}

TEST(GradientClipTest, WithoutGradientsTheNormIsZero) {
  EXPECT_EQ(clip(with_gradients({}), 1).item<float>(), 0);
}

TEST(GradientClipTest, ANormThatIsNotFiniteIsReportedAndSpreads) {
  const NamedTensors parameters =
      with_gradients({at::full({1}, std::numeric_limits<float>::quiet_NaN()), at::full({1}, 1.F)});
  EXPECT_TRUE(std::isnan(clip(parameters, 1).item<float>()));
  EXPECT_TRUE(std::isnan(parameters[1].second.grad().item<float>()));
}

TEST(GradientClipTest, TheLimitMustBePositive) { EXPECT_THROW(clip(with_gradients({}), 0), Error); }

}  // namespace
}  // namespace tev
