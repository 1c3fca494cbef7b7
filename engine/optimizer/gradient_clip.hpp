#pragma once
// The global norm of gradients, and clipping by it.

#include "base/named_tensors.hpp"

namespace tev {

/// The 2-norm over all gradients together; parameters without gradient are skipped.
/// @return  [], on the parameters' device (not read back: no synchronisation)
at::Tensor gradient_norm(const NamedTensors& parameters);

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)). Equal to torch.nn.utils.clip_grad_norm_.
/// @param norm      their gradient_norm
/// @param max_norm  above 0
void clip_gradients(const NamedTensors& parameters, const at::Tensor& norm, double max_norm);

}  // namespace tev
