#pragma once
// Activation functions by name.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace tev {

enum class Activation { relu, leaky_relu, elu, gelu, silu, tanh };

/// Names for the key `activation`, in the order of the enum.
const std::vector<std::string>& activation_names();

/// @throws InputError  listing the known names
Activation parse_activation(const std::string& name);

/// Applies the activation to the result of a layer, which is overwritten where the derivative can be had from the
/// value (all but gelu and silu): one pass less over memory. Under PortableGuard nothing is written in place.
/// @param x  any shape; must not be needed by anybody else
at::Tensor activate(Activation activation, at::Tensor x);

}  // namespace tev
