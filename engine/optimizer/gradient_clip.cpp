#include "engine/optimizer/gradient_clip.hpp"

#include "base/check.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

namespace tev {

at::Tensor clip_gradient_norm(const NamedTensors& parameters, double max_norm) {
  TEV_CHECK(max_norm > 0, "gradient clipping: a norm of ", max_norm, " is not above 0.");
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  if (gradients.empty()) return at::zeros({}, at::kFloat);
  const at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients, 2)), 2);
  const at::Tensor scale = norm.add(1e-6).reciprocal().mul(max_norm).clamp_max(1);
  at::_foreach_mul_(gradients, scale);
  return norm;
}

}  // namespace tev
