#include "kernels/batch_norm/batch_norm.hpp"

#include <ATen/OpMathType.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>
#include <optional>
#include <tuple>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/batch_norm/batch_norm_backend.hpp"
#include "kernels/device_support.hpp"
#include "kernels/operator_handle.hpp"

namespace tev {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Optional = std::optional<at::Tensor>;
using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

constexpr const char* kWhere = "tev::batch_norm";

Optional optional_of(const at::Tensor& tensor) { return tensor.defined() ? Optional(tensor) : std::nullopt; }
at::Tensor tensor_of(const Optional& tensor) { return tensor ? *tensor : at::Tensor(); }
bool needs_gradient(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.defined() && tensor.requires_grad(); }

void check_rows(const char* where, const char* name, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TEV_CHECK(type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16, where, ": ", name, " has dtype ",
            c10::toString(type), " (float16, bfloat16, float32 or float64 was expected).");
  TEV_CHECK(x.dim() == 2, where, ": ", name, " has shape ", x.sym_sizes(), " ([rows, channels] was expected).");
  check_device_support(where, x.device());
}

/// Of one number a channel.
void check_channels(const char* where, const char* name, const at::Tensor& values, const at::Tensor& x) {
  TEV_CHECK(values.dim() == 1 && values.sym_size(0) == x.sym_size(1), where, ": ", name, " has shape ", values.sym_sizes(), " ([", x.sym_size(1),
            "] was expected, the channels of x).");
  TEV_CHECK(values.device() == x.device(), where, ": ", name, " is on ", values.device(), " (", x.device(), " was expected, where x is).");
}

void check_parameters(const char* where, const at::Tensor& x, const Optional& weight, const Optional& bias) {
  for (const auto& [name, values] : {std::pair<const char*, const Optional&>{"weight", weight}, {"bias", bias}}) {
    if (!values) continue;
    check_channels(where, name, *values, x);
    TEV_CHECK(values->scalar_type() == x.scalar_type() || values->scalar_type() == at::toOpMathType(x.scalar_type()), where, ": ", name, " has dtype ",
              c10::toString(values->scalar_type()), " (", c10::toString(x.scalar_type()), " was expected, the dtype of x, or float32 beside a half type).");
  }
}

void check_options(const char* where, double eps, double negative_slope) {
  TEV_CHECK(eps > 0 && std::isfinite(eps), where, ": eps is ", eps, " (a number above 0 was expected).");
  TEV_CHECK(std::isfinite(negative_slope), where, ": negative_slope is ", negative_slope, " (a number was expected; 1 is no leaky ReLU).");
}

void check_running(const at::Tensor& x, const Optional& running_mean, const Optional& running_var, const BatchNormOptions& options) {
  TEV_CHECK(running_mean.has_value() == running_var.has_value(), kWhere, ": running_", running_mean ? "var" : "mean", " is missing (both were expected, or none).");
  TEV_CHECK(running_mean || options.training, kWhere, ": there are no running statistics (they were expected, as training is off). Give both, or train.");
  for (const auto& [name, values] : {std::pair<const char*, const Optional&>{"running_mean", running_mean}, {"running_var", running_var}}) {
    if (!values) continue;
    check_channels(kWhere, name, *values, x);
    TEV_CHECK(values->scalar_type() == at::kFloat || values->scalar_type() == at::kDouble, kWhere, ": ", name, " has dtype ",
              c10::toString(values->scalar_type()), " (float32 or float64 was expected).");
  }
  TEV_CHECK(options.momentum >= 0 && options.momentum <= 1, kWhere, ": momentum is ", options.momentum, " (a number from 0 to 1 was expected).");
}

void check_arguments(const char* where, const at::Tensor& x, const Optional& weight, const Optional& bias, const Optional& running_mean,
                     const Optional& running_var, const BatchNormOptions& options) {
  check_rows(where, "x", x);
  check_parameters(where, x, weight, bias);
  check_options(where, options.eps, options.negative_slope);
  check_running(x, running_mean, running_var, options);
}

Gradients batch_norm_backward_composite(const at::Tensor& grad, const at::Tensor& x, const Optional& weight, const Optional& bias,
                                        const at::Tensor& moments, bool training, double eps, double negative_slope);

struct BatchNormFunction : torch::autograd::Function<BatchNormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const Optional& weight, const Optional& bias, const at::Tensor& moments,
                            bool training, double eps, double negative_slope) {
    context->save_for_backward({x, tensor_of(weight), tensor_of(bias), moments});
    context->saved_data["training"] = training;
    context->saved_data["eps"] = eps;
    context->saved_data["negative_slope"] = negative_slope;
    return batch_norm_apply(x, batch_norm_scale_shift(moments, tensor_of(weight), tensor_of(bias), eps, x.scalar_type()), negative_slope);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const auto [grad_x, grad_weight, grad_bias] =
        batch_norm_backward_composite(grads[0], saved[0], optional_of(saved[1]), optional_of(saved[2]), saved[3], context->saved_data["training"].toBool(),
                                      context->saved_data["eps"].toDouble(), context->saved_data["negative_slope"].toDouble());
    variable_list result(7);
    result[0] = grad_x;
    if (saved[1].defined()) result[1] = grad_weight;
    if (saved[2].defined()) result[2] = grad_bias;
    return result;
  }
};

at::Tensor normalize(const at::Tensor& x, const Optional& weight, const Optional& bias, const Optional& running_mean, const Optional& running_var,
                     const BatchNormOptions& options) {
  const at::Tensor moments = batch_norm_moments_of(x.detach(), tensor_of(running_mean), tensor_of(running_var), options);
  if (needs_gradient(x) || needs_gradient(tensor_of(weight)) || needs_gradient(tensor_of(bias)))
    return BatchNormFunction::apply(x, weight, bias, moments, options.training, options.eps, options.negative_slope);
  return batch_norm_apply(x, batch_norm_scale_shift(moments, tensor_of(weight), tensor_of(bias), options.eps, x.scalar_type()), options.negative_slope);
}

at::Tensor batch_norm_composite(const at::Tensor& x, const Optional& weight, const Optional& bias, const Optional& running_mean,
                                const Optional& running_var, bool training, double momentum, double eps, double negative_slope) {
  const BatchNormOptions options{training, momentum, eps, negative_slope};
  check_arguments(kWhere, x, weight, bias, running_mean, running_var, options);
  return normalize(x, weight, bias, running_mean, running_var, options);
}

/// The gradients as functions with derivatives of all that they depend on, moments included.
Gradients differentiable_gradients(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                   const at::Tensor& moments_of_rows, const BatchNormOptions& options) {
  const at::Tensor moments = options.training ? batch_norm_moments(batch_norm_sums_portable(x)) : moments_of_rows;
  const at::Tensor inverse = (moments.select(0, 2) + options.eps).rsqrt(), scale = weight.defined() ? inverse * weight : inverse;
  const at::Tensor normal = (x.to(at::kDouble) - moments.select(0, 1)) * inverse;
  at::Tensor y = weight.defined() ? normal * weight : normal;
  if (bias.defined()) y = y + bias;
  const at::Tensor wide = grad.to(at::kDouble), g = at::where(y.gt(0), wide, wide * options.negative_slope);
  const at::Tensor grad_bias = g.sum(0), grad_weight = (g * normal).sum(0);
  const at::Tensor centred = options.training ? g - (grad_bias + normal * grad_weight) / moments.select(0, 0).clamp_min(1) : g;
  return {scale * centred, grad_weight, grad_bias};
}

Gradients batch_norm_backward_composite(const at::Tensor& grad, const at::Tensor& x, const Optional& weight_any, const Optional& bias_any,
                                        const at::Tensor& moments, bool training, double eps, double negative_slope) {
  const char* where = "tev::batch_norm_backward";
  check_rows(where, "grad", grad);
  check_rows(where, "x", x);
  check_parameters(where, x, weight_any, bias_any);
  check_options(where, eps, negative_slope);
  TEV_CHECK(grad.sym_sizes() == x.sym_sizes() && grad.scalar_type() == x.scalar_type() && grad.device() == x.device(), where, ": grad is ",
            c10::toString(grad.scalar_type()), ' ', grad.sym_sizes(), " on ", grad.device(), " (", c10::toString(x.scalar_type()), ' ', x.sym_sizes(), " on ",
            x.device(), " was expected, as x is).");
  TEV_CHECK(moments.scalar_type() == at::kDouble && moments.dim() == 2 && moments.sym_size(0) == 3 && moments.sym_size(1) == x.sym_size(1), where,
            ": moments is ", c10::toString(moments.scalar_type()), ' ', moments.sym_sizes(), " (Double [3, ", x.sym_size(1), "] was expected).");
  const at::Tensor weight = tensor_of(weight_any), bias = tensor_of(bias_any);
  const BatchNormOptions options{training, 0, eps, negative_slope};
  Gradients found;
  if (needs_gradient(grad) || needs_gradient(x) || needs_gradient(weight) || needs_gradient(bias)) {
    found = differentiable_gradients(grad, x, weight, bias, moments, options);
  } else {
    const ScaleShift affine = batch_norm_scale_shift(moments, weight, bias, eps, x.scalar_type());
    const auto [of_x, of_weight, of_bias] = batch_norm_gradients(grad, x, moments, batch_norm_backward_sums(grad, x, affine, negative_slope), affine, options);
    found = {of_x, of_weight, of_bias};
  }
  const auto type_of = [&](const at::Tensor& parameter) { return parameter.defined() ? parameter.scalar_type() : at::toOpMathType(x.scalar_type()); };
  return {std::get<0>(found).to(x.scalar_type()), std::get<1>(found).to(type_of(weight)), std::get<2>(found).to(type_of(bias))};
}

at::Tensor sums_meta(const at::Tensor& x) { return at::empty_symint({3, x.sym_size(1)}, x.options().dtype(at::kDouble)); }

at::Tensor apply_meta(const at::Tensor& x, const at::Tensor&, const at::Tensor&, double) { return at::empty_symint(x.sym_sizes(), x.options()); }

at::Tensor backward_sums_meta(const at::Tensor&, const at::Tensor& x, const at::Tensor&, const at::Tensor&, double) {
  return at::empty_symint({2, x.sym_size(1)}, x.options().dtype(at::kDouble));
}

at::Tensor input_gradient_meta(const at::Tensor&, const at::Tensor& x, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, double) {
  return at::empty_symint(x.sym_sizes(), x.options());
}

at::Tensor call_sums(const at::Tensor& x) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&)>("tev::_batch_norm_sums");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return op.call(x);
}

/// A sum has the gradient 1 of each of its rows, one of squares 2 x.
struct SumsFunction : torch::autograd::Function<SumsFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x) {
    context->save_for_backward({x});
    return call_sums(x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const at::Tensor x = context->get_saved_variables()[0], grad = grads[0].to(at::toOpMathType(x.scalar_type()));
    return {at::addcmul(grad.select(0, 1), x.to(grad.scalar_type()), grad.select(0, 2), 2).to(x.scalar_type())};
  }
};

}  // namespace

at::Tensor batch_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
                      const at::Tensor& running_var, const BatchNormOptions& options) {
  if (portable_mode()) {
    check_arguments(kWhere, x, optional_of(weight), optional_of(bias), optional_of(running_mean), optional_of(running_var), options);
    return batch_norm_portable(x, weight, bias, running_mean, running_var, options);
  }
  static const auto op = operator_handle<
      at::Tensor(const at::Tensor&, const Optional&, const Optional&, const Optional&, const Optional&, bool, double, double, double)>("tev::batch_norm");
  return op.call(x, optional_of(weight), optional_of(bias), optional_of(running_mean), optional_of(running_var), options.training, options.momentum,
                 options.eps, options.negative_slope);
}

at::Tensor batch_norm_sums(const at::Tensor& x) {
  check_rows("tev::batch_norm_sums", "x", x);
  return needs_gradient(x) ? SumsFunction::apply(x) : call_sums(x);
}

ScaleShift batch_norm_affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
                             const at::Tensor& running_var, const BatchNormOptions& options) {
  check_arguments("tev::batch_norm_affine", x, optional_of(weight), optional_of(bias), optional_of(running_mean), optional_of(running_var), options);
  return batch_norm_scale_shift(batch_norm_moments_of(x, running_mean, running_var, options), weight, bias, options.eps, x.scalar_type());
}

at::Tensor batch_norm_apply(const at::Tensor& x, const ScaleShift& affine, double negative_slope) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double)>("tev::_batch_norm_apply");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return op.call(x, affine.scale, affine.shift, negative_slope);
}

at::Tensor batch_norm_backward_sums(const at::Tensor& grad, const at::Tensor& x, const ScaleShift& affine, double negative_slope) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, double)>
      ("tev::_batch_norm_backward_sums");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return op.call(grad, x, affine.scale, affine.shift, negative_slope);
}

at::Tensor batch_norm_input_gradient(const at::Tensor& grad, const at::Tensor& x, const ScaleShift& affine, const at::Tensor& of_x,
                                     const at::Tensor& constant, double negative_slope) {
  static const auto op = operator_handle<
      at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, double)>("tev::_batch_norm_input_gradient");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return op.call(grad, x, affine.scale, affine.shift, of_x, constant, negative_slope);
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("batch_norm(Tensor x, Tensor? weight, Tensor? bias, Tensor(a!)? running_mean, Tensor(b!)? running_var, bool training, float momentum=0.1, "
        "float eps=1e-05, float negative_slope=1.0) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("batch_norm_backward(Tensor grad, Tensor x, Tensor? weight, Tensor? bias, Tensor moments, bool training, float eps, float negative_slope) -> "
        "(Tensor grad_x, Tensor grad_weight, Tensor grad_bias)", {at::Tag::pt2_compliant_tag});
  m.def("batch_norm_sums(Tensor x) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_batch_norm_sums(Tensor x) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_batch_norm_apply(Tensor x, Tensor scale, Tensor shift, float negative_slope) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_batch_norm_backward_sums(Tensor grad, Tensor x, Tensor scale, Tensor shift, float negative_slope) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_batch_norm_input_gradient(Tensor grad, Tensor x, Tensor scale, Tensor shift, Tensor of_x, Tensor constant, float negative_slope) -> Tensor",
        {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("batch_norm", batch_norm_composite);
  m.impl("batch_norm_backward", batch_norm_backward_composite);
  m.impl("batch_norm_sums", batch_norm_sums);
}

TORCH_LIBRARY_IMPL(tev, Meta, m) {
  m.impl("_batch_norm_sums", sums_meta);
  m.impl("_batch_norm_apply", apply_meta);
  m.impl("_batch_norm_backward_sums", backward_sums_meta);
  m.impl("_batch_norm_input_gradient", input_gradient_meta);
}

}  // namespace tev
