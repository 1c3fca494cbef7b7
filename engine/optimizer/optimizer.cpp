#include "engine/optimizer/optimizer.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "engine/optimizer/adam.hpp"
#include "engine/optimizer/sgd.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <map>

namespace tev {

namespace {

template <WeightDecay decay>
std::unique_ptr<Optimizer> make_adam(const OptimizerConfig& config, NamedTensors parameters) {
  return std::make_unique<Adam>(config, std::move(parameters), decay);
}

std::unique_ptr<Optimizer> make_sgd(const OptimizerConfig& config, NamedTensors parameters) {
  return std::make_unique<Sgd>(config, std::move(parameters));
}

struct UpdateRule {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(const OptimizerConfig& config, NamedTensors parameters);
};

constexpr UpdateRule rules[] = {{"sgd", make_sgd}, {"adam", make_adam<WeightDecay::l2>}, {"adamw", make_adam<WeightDecay::decoupled>}};

void check_parameters(const NamedTensors& parameters) {
  TEV_CHECK(!parameters.empty(), "optimizer: there are no parameters (a model without weights cannot be trained).");
  const at::Tensor& first = parameters.front().second;
  for (const auto& [name, parameter] : parameters) {
    TEV_CHECK(parameter.is_floating_point() && parameter.scalar_type() == first.scalar_type() &&
                  parameter.device() == first.device(),
              "optimizer: parameter ", name, " is ", parameter.scalar_type(), " on ", parameter.device(),
              " (all parameters are updated in one call and must be like ", parameters.front().first, ": ",
              first.scalar_type(), " on ", first.device(), ").");
    TEV_CHECK(parameter.is_non_overlapping_and_dense(), "optimizer: parameter ", name,
              " is a view with gaps or overlaps (the update runs over its memory). Make it contiguous.");
  }
}

void check_below_one(const char* key, double value) {
  TEV_CHECK_INPUT(value < 1, "optimizer.", key, ": ", value, " is not below 1 (nothing old would ever be forgotten).");
}

void check_unused(const char* key, double value, double default_value, const std::string& name) {
  TEV_CHECK_INPUT(value == default_value, "optimizer.", key, ": ", value, " has no effect with optimizer.name: ", name,
                  ". Remove the key or choose another optimizer.");
}

}  // namespace

void OptimizerConfig::validate() const {
  check_below_one("momentum", momentum);
  check_below_one("final_momentum", final_momentum);
  check_below_one("beta1", beta1);
  check_below_one("beta2", beta2);
  const OptimizerConfig defaults;
  if (name == "sgd") {
    check_unused("beta1", beta1, defaults.beta1, name);
    check_unused("beta2", beta2, defaults.beta2, name);
    check_unused("eps", eps, defaults.eps, name);
    TEV_CHECK_INPUT(!nesterov || momentum > 0, "optimizer.nesterov: true without momentum (Nesterov's form looks ahead "
                    "along the momentum). Set optimizer.momentum.");
    TEV_CHECK_INPUT(momentum_epochs > 0 || final_momentum == 0, "optimizer.final_momentum: ", final_momentum,
                    " is never reached (momentum_epochs is 0). Set optimizer.momentum_epochs.");
    return;
  }
  check_unused("momentum", momentum, 0, name);
  check_unused("final_momentum", final_momentum, 0, name);
  check_unused("momentum_epochs", momentum_epochs, 0, name);
  check_unused("nesterov", nesterov, false, name);
}

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const auto& rule : rules) names.emplace_back(rule.name);
  return names;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, NamedTensors parameters) {
  config.validate();
  for (const auto& rule : rules)
    if (config.name == rule.name) return rule.make(config, std::move(parameters));
  throw InputError(c10::str("optimizer.name: there is no optimizer '", config.name, "' (known: ", join_names(optimizer_names()),
                            ").", suggest_name(config.name, optimizer_names())));
}

Optimizer::Optimizer(NamedTensors parameters) : parameters_(std::move(parameters)) { check_parameters(parameters_); }

void Optimizer::step(double lr, double momentum) {
  const at::NoGradGuard no_grad;
  Active active;
  active.state.resize(state_.size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& parameter = parameters_[i].second;
    const at::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    TEV_EXPECT(gradient.strides() == parameter.strides());
    active.parameters.push_back(parameter);
    active.gradients.push_back(gradient);
    for (size_t kind = 0; kind < state_.size(); ++kind) active.state[kind].push_back(state_[kind].second[i]);
  }
  if (!active.parameters.empty()) update(active, lr, momentum);
}

void Optimizer::zero_grad() {
  for (const auto& [name, parameter] : parameters_) parameter.mutable_grad().reset();
}

NamedTensors Optimizer::state() const {
  NamedTensors named;
  for (const auto& [kind, tensors] : state_)
    for (size_t i = 0; i < tensors.size(); ++i) named.emplace_back(kind + "/" + parameters_[i].first, tensors[i]);
  return named;
}

void Optimizer::load_state(const NamedTensors& state) {
  const at::NoGradGuard no_grad;
  const std::map<std::string, at::Tensor> given(state.begin(), state.end());
  const NamedTensors own = this->state();
  for (const auto& [name, tensor] : own) {
    const auto found = given.find(name);
    TEV_CHECK(found != given.end(), "optimizer state: ", name, " is missing (", given.size(), " tensors given, ",
              own.size(), " expected). The state belongs to another optimizer or model.");
    TEV_CHECK(found->second.sizes() == tensor.sizes() && found->second.scalar_type() == tensor.scalar_type(),
              "optimizer state: ", name, " is ", found->second.scalar_type(), " ", found->second.sizes(), " (expected ",
              tensor.scalar_type(), " ", tensor.sizes(), "). The state belongs to another model.");
  }
  TEV_CHECK(given.size() == own.size(), "optimizer state: ", given.size(), " tensors given (expected ", own.size(),
            "). The state belongs to another optimizer or model.");
  for (const auto& [name, tensor] : own) tensor.copy_(given.at(name));
}

size_t Optimizer::add_state(std::string kind, Tensors tensors) {
  TEV_EXPECT(tensors.size() == parameters_.size());
  state_.emplace_back(std::move(kind), std::move(tensors));
  return state_.size() - 1;
}

Optimizer::Tensors Optimizer::zeros_like_parameters() const {
  Tensors zeros;
  for (const auto& [name, parameter] : parameters_) zeros.push_back(at::zeros_like(parameter.detach()));
  return zeros;
}

}  // namespace tev
