#include "engine/optimizer/sgd.hpp"

#include "base/check.hpp"

#include <ATen/ops/_fused_sgd.h>

namespace tev {

Sgd::Sgd(const OptimizerConfig& config, NamedTensors parameters)
    : Optimizer(std::move(parameters)),
      weight_decay_(config.weight_decay),
      nesterov_(config.nesterov),
      has_momentum_(config.momentum > 0 || config.final_momentum > 0) {
  // A buffer of zeros makes the first step like any other: 0 momentum + g is g.
  if (has_momentum_) add_state("momentum_buffer", zeros_like_parameters());
}

void Sgd::update(Active& active, double lr, double momentum) {
  TEV_CHECK(has_momentum_ || momentum == 0, "optimizer: a momentum of ", momentum,
            " was asked of an sgd that was configured without. Set optimizer.momentum.");
  const Tensors none;
  at::_fused_sgd_(active.parameters, active.gradients, momentum > 0 ? active.state[0] : none, weight_decay_, momentum,
                  lr,
                  /*dampening=*/0, nesterov_, /*maximize=*/false, /*is_first_step=*/false);
}

}  // namespace tev
