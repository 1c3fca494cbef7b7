#include "models/layers/activation.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "base/portable.hpp"

#include <ATen/ops/elu.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>

#include <algorithm>

namespace tev {
namespace {

at::Tensor activate_in_place(Activation activation, at::Tensor& x) {
  switch (activation) {
    case Activation::relu: return at::relu_(x);
    case Activation::leaky_relu: return at::leaky_relu_(x);
    case Activation::elu: return at::elu_(x);
    case Activation::gelu: return at::gelu(x);
    case Activation::silu: return at::silu(x);
    case Activation::tanh: return at::tanh_(x);
  }
  throw Error("activation: unknown enumerator.");
}

at::Tensor activate_out_of_place(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::relu: return at::relu(x);
    case Activation::leaky_relu: return at::leaky_relu(x);
    case Activation::elu: return at::elu(x);
    case Activation::gelu: return at::gelu(x);
    case Activation::silu: return at::silu(x);
    case Activation::tanh: return at::tanh(x);
  }
  throw Error("activation: unknown enumerator.");
}

}  // namespace

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names = {"relu", "leaky_relu", "elu", "gelu", "silu", "tanh"};
  return names;
}

Activation parse_activation(const std::string& name) {
  const auto& names = activation_names();
  const auto found = std::find(names.begin(), names.end(), name);
  TEV_CHECK_INPUT(found != names.end(), "model.activation: '", name, "' is not known (known: ", join_names(names), ").",
                  suggest_name(name, names));
  return static_cast<Activation>(found - names.begin());
}

at::Tensor activate(Activation activation, at::Tensor x) {
  return portable_mode() ? activate_out_of_place(activation, x) : activate_in_place(activation, x);
}

}  // namespace tev
