#pragma once
// Clipping of gradients by their global norm.

#include "base/named_tensors.hpp"

namespace tev {

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is the 2-norm over all of them together.
/// Parameters without gradient are skipped. Equal to torch.nn.utils.clip_grad_norm_; a norm that is not finite makes
/// the gradients not finite.
/// @param max_norm  above 0; infinity only measures
/// @return          [] norm before clipping, on the parameters' device (not read back: no synchronisation)
at::Tensor clip_gradient_norm(const NamedTensors& parameters, double max_norm);

}  // namespace tev
