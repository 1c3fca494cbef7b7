#include "models/layers/mlp_segment_sum.hpp"

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "models/layers/mlp_segment_sum_tiles.hpp"

#include <ATen/Dispatch.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

namespace tev {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

MlpLayers split_layers(at::TensorList parameters) {
  MlpLayers layers;
  for (size_t i = 0; i + 1 < parameters.size(); i += 2) {
    layers.weight.push_back(parameters[i].detach());
    layers.bias.push_back(parameters[i + 1].detach().contiguous());
  }
  return layers;
}

class MlpSegmentSum : public Function<MlpSegmentSum> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, at::TensorList parameters,
                            const at::Tensor& offsets, const std::optional<at::Tensor>& z) {
    const MlpLayers layers = split_layers(parameters);
    MlpRows rows{x.detach().contiguous(), offsets.contiguous(), z ? z->contiguous() : at::Tensor()};
    MlpKept kept = make_kept(rows, layers);
    at::Tensor out = at::zeros({offsets.numel() - 1, layers.widths().back()}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "mlp_segment_sum",
                               [&] { tiles_forward<scalar_t>(rows, layers, &kept, out); });
    variable_list saved = {rows.x, rows.offsets, rows.z, kept.last_is_on};
    saved.insert(saved.end(), kept.hidden.begin(), kept.hidden.end());
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    context->save_for_backward(saved);
    context->saved_data["num_layers"] = static_cast<int64_t>(layers.weight.size());
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    TEV_CHECK(!at::GradMode::is_enabled(), "mlp_segment_sum: a second derivative was asked for (only the first one is "
              "implemented). Compute it under PortableGuard, which uses ordinary operators.");
    const variable_list saved = context->get_saved_variables();
    const auto num_layers = context->saved_data["num_layers"].toInt();
    MlpRows rows{saved[0], saved[1], saved[2]};
    MlpKept kept{saved[3], {saved.begin() + 4, saved.begin() + 3 + num_layers}};
    const MlpLayers layers = split_layers(at::TensorList(saved).slice(3 + num_layers));

    MlpGradients gradients;
    if (context->needs_input_grad(0)) gradients.x = at::empty_like(rows.x);
    const at::Tensor grad_out = grads[0].contiguous();
    AT_DISPATCH_FLOATING_TYPES(rows.x.scalar_type(), "mlp_segment_sum_backward",
                               [&] { tiles_backward<scalar_t>(rows, layers, kept, grad_out, gradients); });
    variable_list result = {gradients.x};
    for (int64_t i = 0; i < num_layers; ++i) {
      result.push_back(gradients.weight[i]);
      result.push_back(gradients.bias[i]);
    }
    result.resize(result.size() + 2);  // offsets and z
    return result;
  }
};

bool needs_gradient(const at::Tensor& x, const std::vector<at::Tensor>& parameters) {
  if (!at::GradMode::is_enabled()) return false;
  bool needed = x.requires_grad();
  for (const auto& parameter : parameters) needed = needed || parameter.requires_grad();
  return needed;
}

}  // namespace

at::Tensor mlp_segment_sum(const at::Tensor& x_NC, const at::Tensor& offsets, const std::vector<at::Tensor>& parameters,
                           const at::Tensor& z_N) {
  TEV_CHECK(!parameters.empty() && parameters.size() % 2 == 0, "mlp_segment_sum: ", parameters.size(),
            " parameters (a weight and a bias for each layer were expected).");
  check_segment_offsets(offsets, x_NC.size(0));
  if (needs_gradient(x_NC, parameters)) {
    const auto z = z_N.defined() ? std::optional<at::Tensor>(z_N) : std::nullopt;
    return MlpSegmentSum::apply(x_NC, at::TensorList(parameters), offsets, z);
  }
  const MlpLayers layers = split_layers(parameters);
  const MlpRows rows{x_NC.contiguous(), offsets.contiguous(), z_N.defined() ? z_N.contiguous() : z_N};
  at::Tensor out = at::zeros({offsets.numel() - 1, layers.widths().back()}, x_NC.options());
  AT_DISPATCH_FLOATING_TYPES(x_NC.scalar_type(), "mlp_segment_sum",
                             [&] { tiles_forward<scalar_t>(rows, layers, nullptr, out); });
  return out;
}

bool mlp_segment_sum_applies(const at::Tensor& x_NC, const at::Tensor& z_N) {
  const bool float_type = x_NC.scalar_type() == at::kFloat || x_NC.scalar_type() == at::kDouble;
  const bool constant_z = !z_N.defined() || !z_N.requires_grad();
  return x_NC.is_cpu() && float_type && constant_z && !portable_mode() && !being_traced() && !at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace tev
