#include "models/layers/weight_init.hpp"

#include "base/check.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

at::Tensor drawn(WeightInit init, LayerPlace place) {
  at::manual_seed(8);
  torch::nn::LinearImpl layer(torch::nn::LinearOptions(200, 300));
  init_linear(layer, init, place);
  EXPECT_EQ(layer.bias.abs().max().item<double>(), 0);
  return layer.weight.detach();
}

TEST(WeightInit, HeUniformHasItsLimit) {
  const double limit = drawn(WeightInit::he_uniform, LayerPlace::first).abs().max().item<double>();
  EXPECT_NEAR(limit, std::sqrt(6.0 / 200), 1e-4);
}

TEST(WeightInit, GlorotUniformHasItsLimitAndServesTheOutputOfHe) {
  const double expected = std::sqrt(6.0 / 500);
  EXPECT_NEAR(drawn(WeightInit::glorot_uniform, LayerPlace::hidden).abs().max().item<double>(), expected, 1e-4);
  EXPECT_NEAR(drawn(WeightInit::he_uniform, LayerPlace::output).abs().max().item<double>(), expected, 1e-4);
}

TEST(WeightInit, ParsesItsNames) {
  for (const auto& name : weight_init_names())
    EXPECT_EQ(weight_init_names()[static_cast<size_t>(parse_weight_init(name))], name);
  EXPECT_THROW(parse_weight_init("he_unifrom"), InputError);
}

}  // namespace
}  // namespace tev
