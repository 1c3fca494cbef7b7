#include "engine/optimizer/optimizer.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace tev {
namespace {

constexpr int64_t num_values = 67;  // not a multiple of any vector length

NamedTensors make_parameters(at::ScalarType dtype = at::kFloat) {
  NamedTensors parameters;
  parameters.emplace_back("w", at::sin(at::arange(num_values, at::kDouble)).to(dtype));
  parameters.emplace_back("b", at::ones({}, dtype));
  for (auto& [name, parameter] : parameters) parameter.set_requires_grad(true);
  return parameters;
}

/// A gradient that depends on step and index only.
void set_gradients(const NamedTensors& parameters, int64_t step) {
  for (const auto& [name, parameter] : parameters)
    parameter.mutable_grad() = at::sin(at::arange(parameter.numel(), at::kDouble).mul(0.7).add(step))
                                   .to(parameter.scalar_type()).view(parameter.sizes());
}

OptimizerConfig config_of(const std::string& name) {
  OptimizerConfig config;
  config.name = name;
  config.weight_decay = 0.01;
  if (name == "sgd") config.momentum = 0.9;
  return config;
}

/// The textbook update of one number.
struct Reference {
  OptimizerConfig config;
  double value = 0, first = 0, second = 0, steps = 0;

  void step(double gradient, double lr, double momentum) {
    const bool decoupled = config.name == "adamw";
    if (decoupled) value -= lr * config.weight_decay * value;
    const double g = gradient + (decoupled ? 0 : config.weight_decay * value);
    if (config.name == "sgd") {
      first = momentum * first + g;
      value -= lr * (config.nesterov ? g + momentum * first : first);
      return;
    }
    steps += 1;
    first = momentum * first + (1 - momentum) * g;
    second = config.beta2 * second + (1 - config.beta2) * g * g;
    const double mean = first / (1 - std::pow(momentum, steps));
    value -= lr * mean / (std::sqrt(second / (1 - std::pow(config.beta2, steps))) + config.eps);
  }
};

class OptimizerTest : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, OptimizerTest, ::testing::Values("sgd", "adam", "adamw"),
                         [](const auto& info) { return info.param; });

TEST_P(OptimizerTest, FollowsTheTextbookNumberByNumber) {
  for (const bool nesterov : {false, true}) {
    OptimizerConfig config = config_of(GetParam());
    if (nesterov && GetParam() != "sgd") break;
    config.nesterov = nesterov;
    const NamedTensors parameters = make_parameters(at::kDouble);
    const auto optimizer = make_optimizer(config, parameters);
    std::vector<Reference> reference(num_values);
    for (int64_t i = 0; i < num_values; ++i) reference[i] = {config, std::sin(static_cast<double>(i))};
    for (int64_t step = 0; step < 50; ++step) {
      const double lr = 0.01 / (1 + step), momentum = 0.8 + 0.002 * step;
      set_gradients(parameters, step);
      optimizer->step(lr, momentum);
      for (int64_t i = 0; i < num_values; ++i)
        reference[i].step(std::sin(static_cast<double>(i) * 0.7 + step), lr, momentum);
    }
    for (int64_t i = 0; i < num_values; ++i)
      EXPECT_NEAR(parameters[0].second.data_ptr<double>()[i], reference[i].value, 1e-12) << i;
  }
}

TEST_P(OptimizerTest, ContinuingFromASavedStateIsBitIdentical) {
  const auto run = [&](const NamedTensors& parameters, Optimizer& optimizer, int64_t from, int64_t to) {
    for (int64_t step = from; step < to; ++step) {
      set_gradients(parameters, step);
      optimizer.step(1e-2, 0.9);
    }
  };
  const NamedTensors whole = make_parameters();
  const auto uninterrupted = make_optimizer(config_of(GetParam()), whole);
  run(whole, *uninterrupted, 0, 20);

  const NamedTensors first = make_parameters(), second = make_parameters();
  const auto killed = make_optimizer(config_of(GetParam()), first);
  run(first, *killed, 0, 7);
  const auto continued = make_optimizer(config_of(GetParam()), second);
  NamedTensors state = killed->state();
  std::reverse(state.begin(), state.end());
  continued->load_state(state);
  {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < first.size(); ++i) second[i].second.copy_(first[i].second);
  }
  run(second, *continued, 7, 20);
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_TRUE(at::equal(whole[i].second, second[i].second)) << whole[i].first;
  const NamedTensors expected = uninterrupted->state(), got = continued->state();
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(got[i].first, expected[i].first);
    EXPECT_TRUE(at::equal(got[i].second, expected[i].second)) << expected[i].first;
  }
}

TEST_P(OptimizerTest, AParameterWithoutGradientStaysAndDoesNotAge) {
  const NamedTensors parameters = make_parameters();
  const auto optimizer = make_optimizer(config_of(GetParam()), parameters);
  set_gradients(parameters, 0);
  parameters[1].second.mutable_grad().reset();
  optimizer->step(0.1, 0.9);
  EXPECT_EQ(parameters[1].second.item<float>(), 1);
  for (const auto& [name, tensor] : optimizer->state()) {
    if (name.ends_with("/b")) {
      EXPECT_EQ(tensor.item<float>(), 0) << name;
    }
  }
  EXPECT_FALSE(at::allclose(parameters[0].second, make_parameters()[0].second));
}

TEST_P(OptimizerTest, ZeroGradDropsTheGradients) {
  const NamedTensors parameters = make_parameters();
  const auto optimizer = make_optimizer(config_of(GetParam()), parameters);
  set_gradients(parameters, 0);
  optimizer->zero_grad();
  for (const auto& [name, parameter] : parameters) EXPECT_FALSE(parameter.grad().defined());
  optimizer->step(0.1, 0.9);
  EXPECT_TRUE(at::equal(parameters[0].second, make_parameters()[0].second));
}

TEST(OptimizerState, IsNamedByKindAndParameter) {
  const auto names = [](const OptimizerConfig& config) {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : make_optimizer(config, make_parameters())->state()) names.push_back(name);
    return names;
  };
  OptimizerConfig plain = config_of("sgd");
  EXPECT_EQ(names(plain), (std::vector<std::string>{"momentum_buffer/w", "momentum_buffer/b"}));
  plain.momentum = 0;
  EXPECT_TRUE(names(plain).empty());
  EXPECT_EQ(names(config_of("adam")),
            (std::vector<std::string>{"exp_avg/w", "exp_avg/b", "exp_avg_sq/w", "exp_avg_sq/b", "step/w", "step/b"}));
}

TEST(OptimizerState, AStateOfSomethingElseIsRefusedAsAWhole) {
  const auto optimizer = make_optimizer(config_of("adam"), make_parameters());
  const auto refused = [&](const NamedTensors& state) {
    return test::error_of<Error>([&] { optimizer->load_state(state); });
  };
  NamedTensors state = make_optimizer(config_of("adam"), make_parameters())->state();
  for (auto& [name, tensor] : state) tensor.fill_(3);
  NamedTensors missing(state.begin(), state.end() - 1);
  EXPECT_NE(refused(missing).find("step/b is missing (5 tensors given, 6 expected)"), std::string::npos);
  NamedTensors reshaped = state;
  reshaped[2].second = at::zeros(3);
  EXPECT_NE(refused(reshaped).find("exp_avg_sq/w is Float [3] (expected Float [67])"), std::string::npos);
  NamedTensors more = state;
  more.emplace_back("exp_avg/c", at::zeros(1));
  EXPECT_NE(refused(more).find("7 tensors given (expected 6)"), std::string::npos);
  for (const auto& [name, tensor] : optimizer->state()) EXPECT_EQ(tensor.sum().item<float>(), 0) << name;
  EXPECT_EQ(refused(state), "");
  EXPECT_EQ(optimizer->state()[0].second[5].item<float>(), 3);
}

TEST(OptimizerConfigTest, ContradictionsAreInputErrorsThatNameTheKey) {
  const auto refused = [](auto change) {
    OptimizerConfig config;
    change(config);
    return test::error_of<InputError>([&] { make_optimizer(config, make_parameters()); });
  };
  EXPECT_EQ(refused([](auto& c) {}), "");
  EXPECT_EQ(refused([](auto& c) { c.name = "adm"; }).substr(0, 45), "optimizer.name: there is no optimizer 'adm' (");
  EXPECT_EQ(refused([](auto& c) { c.momentum = 0.9; }),
            "optimizer.momentum: 0.9 has no effect with optimizer.name: adam. "
            "Remove the key or choose another optimizer.");
  EXPECT_NE(refused([](auto& c) { c.beta1 = 1; }).find("optimizer.beta1: 1 is not below 1"), std::string::npos);
  EXPECT_NE(refused([](auto& c) { c.name = "sgd", c.nesterov = true; }).find("optimizer.nesterov"), std::string::npos);
  EXPECT_NE(refused([](auto& c) { c.name = "sgd", c.final_momentum = 0.9; }).find("optimizer.momentum_epochs"),
            std::string::npos);
  EXPECT_NE(refused([](auto& c) { c.name = "sgd", c.beta2 = 0.9; }).find("optimizer.beta2"), std::string::npos);
}

TEST(OptimizerConfigTest, ParametersThatCannotShareOneCallAreNamed) {
  NamedTensors mixed = make_parameters();
  mixed.emplace_back("half", at::ones(3, at::kHalf));
  EXPECT_THROW(make_optimizer(OptimizerConfig{}, mixed), Error);
  NamedTensors gaps = {{"view", at::ones({4, 4}).slice(1, 0, 2)}};
  EXPECT_THROW(make_optimizer(OptimizerConfig{}, gaps), Error);
  EXPECT_THROW(make_optimizer(OptimizerConfig{}, {}), Error);
}

}  // namespace
}  // namespace tev
