#include "engine/optimizer/adam.hpp"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>

namespace tev {

Adam::Adam(const OptimizerConfig& config, NamedTensors parameters, WeightDecay decay)
    : Optimizer(std::move(parameters)),
      weight_decay_(config.weight_decay),
      beta2_(config.beta2),
      eps_(config.eps),
      decay_(decay) {
  exp_avg_ = add_state("exp_avg", zeros_like_parameters());
  exp_avg_sq_ = add_state("exp_avg_sq", zeros_like_parameters());
  // float32 and one for each parameter: what the fused kernels expect, and a parameter without gradient does not age.
  Tensors steps;
  for (const auto& [name, parameter] : this->parameters())
    steps.push_back(at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)));
  step_ = add_state("step", std::move(steps));
}

void Adam::update(Active& active, double lr, double beta1) {
  at::_foreach_add_(active.state[step_], 1);
  const auto fused = [&](auto&& kernel) {
    kernel(active.parameters, active.gradients, active.state[exp_avg_], active.state[exp_avg_sq_],
           /*max_exp_avg_sqs=*/Tensors{}, active.state[step_], lr, beta1, beta2_, weight_decay_, eps_,
           /*amsgrad=*/false,
           /*maximize=*/false);
  };
  if (decay_ == WeightDecay::decoupled)
    fused([](auto&&... arguments) { at::_fused_adamw_(arguments...); });
  else
    fused([](auto&&... arguments) { at::_fused_adam_(arguments...); });
}

}  // namespace tev
