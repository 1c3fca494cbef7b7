#include "kernels/sparse_conv/sparse_conv.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/batch_norm/batch_norm_backend.hpp"
#include "kernels/operator_handle.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "kernels/sparse_conv/sparse_conv_checks.hpp"

namespace tev {
namespace {

using namespace sparse_conv_checks;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// @param mirrored  the map is used as its own reverse, which only a backend can check
at::Tensor call_backend(const at::Tensor& x, const at::Tensor& weight, const Optional& bias, at::TensorList map, bool mirrored, const Fusion& fusion) {
  static const auto op = operator_handle<
      at::Tensor(const at::Tensor&, const at::Tensor&, const Optional&, at::TensorList, bool, const Optional&, const Optional&, double, const Optional&)>("tev::_sparse_conv");
  return op.call(x, weight, bias, map, mirrored, fusion.scale, fusion.shift, fusion.negative_slope, fusion.residual);
}

at::Tensor call_weight_backend(const at::Tensor& x, const at::Tensor& grad, at::TensorList map, const c10::SymInt& taps, const Fusion& fusion = {}) {
  static const auto op = operator_handle<
      at::Tensor(const at::Tensor&, const at::Tensor&, at::TensorList, c10::SymInt, const Optional&, const Optional&, double)>("tev::_sparse_conv_weight_backward");
  return op.call(x, grad, map, taps, fusion.scale, fusion.shift, fusion.negative_slope);
}

/// What batch_norm does on its way back, its moments aside: the prologue is the same arithmetic.
/// @param grad  of what taps see
/// @return      of x, scale and shift
std::tuple<at::Tensor, at::Tensor, at::Tensor> prologue_backward(const at::Tensor& x, const at::Tensor& grad, const Fusion& fusion) {
  const ScaleShift affine{*fusion.scale, *fusion.shift};
  const at::Tensor sums = batch_norm_backward_sums(grad, x, affine, fusion.negative_slope).to(affine.scale.scalar_type()), zero = at::zeros_like(affine.scale);
  return {batch_norm_input_gradient(grad, x, affine, zero, zero, fusion.negative_slope), sums.select(0, 1), sums.select(0, 0)};
}

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const Optional& bias, at::TensorList map, at::TensorList reverse, bool mirrored,
                    const Fusion& fusion = {});
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& grad, at::TensorList map, at::TensorList reverse, c10::SymInt taps);

bool needs_gradient(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.requires_grad(); }
bool needs_gradient(const Optional& tensor) { return tensor && needs_gradient(*tensor); }

/// The gradient of x: a convolution over the reverse map, whose taps are the same, or over the mirrored one, whose taps are exchanged.
at::Tensor feature_gradient(const at::Tensor& grad, const at::Tensor& weight, at::TensorList map, at::TensorList reverse) {
  const at::Tensor turned = (reverse.empty() ? weight.flip(0) : weight).transpose(1, 2);
  return reverse.empty() ? convolve(grad, turned, {}, map, {}, /*mirrored=*/true) : convolve(grad, turned, {}, reverse, map, false);
}

/// Maps kept for the backward: both lists in one.
variable_list both(at::TensorList map, at::TensorList reverse) {
  variable_list all(map.begin(), map.end());
  all.insert(all.end(), reverse.begin(), reverse.end());
  return all;
}

/// Saved tensors from `first` on, as the two maps.
struct SavedMaps {
  SavedMaps(const variable_list& saved, size_t first)
      : map(saved.begin() + static_cast<std::ptrdiff_t>(first), saved.begin() + static_cast<std::ptrdiff_t>(first + kMapTensors)),
        reverse(saved.begin() + static_cast<std::ptrdiff_t>(first + kMapTensors), saved.end()) {}
  variable_list map, reverse;
};

/// Reproducible, unlike at::sum, whose order depends on the number of threads.
at::Tensor sum_of_rows(const at::Tensor& grad, at::ScalarType type) {
  const at::Tensor offsets = at::arange(2, grad.options().dtype(at::kLong)).mul(c10::Scalar(grad.sym_size(0)));
  return segment_reduce(grad.to(type), offsets, SegmentReduction::sum).squeeze(0);
}

/// Gradients of a convolution with a prologue.
struct PrologueGradients {
  at::Tensor x, scale, shift, weight;
};

/// What taps saw is made again, tile by tile.
PrologueGradients prologue_gradients(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& grad, const Fusion& fusion, at::TensorList map,
                                     at::TensorList reverse, bool for_prologue, bool for_weight) {
  PrologueGradients result;
  if (for_prologue) std::tie(result.x, result.scale, result.shift) = prologue_backward(x, feature_gradient(grad, weight, map, reverse), fusion);
  if (for_weight) result.weight = call_weight_backend(x, grad, map, weight.sym_size(0), fusion).to(weight.scalar_type());
  return result;
}

/// The same of differentiable pieces, which store what taps saw: for derivatives of higher order.
PrologueGradients differentiable_prologue_gradients(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& grad, const Fusion& fusion,
                                                    at::TensorList map, at::TensorList reverse) {
  const at::ScalarType type = fusion.scale->scalar_type();
  const at::Tensor wide = x.to(type), inner = wide * *fusion.scale + *fusion.shift;
  const at::Tensor slope = at::where(inner.gt(0), c10::Scalar(1.0), c10::Scalar(fusion.negative_slope)).to(type);
  const at::Tensor grad_inner = feature_gradient(grad, weight, map, reverse).to(type) * slope;
  return {(grad_inner * *fusion.scale).to(x.scalar_type()), sum_of_rows(grad_inner * wide, type), sum_of_rows(grad_inner, type),
          weight_gradient(inner * slope, grad.to(type), map, reverse, weight.sym_size(0)).to(weight.scalar_type())};
}

struct ConvFunction : torch::autograd::Function<ConvFunction> {
  enum Argument : size_t { kX, kWeight, kBias, kScale, kShift, kResidual, kArguments = 10 };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, const Optional& bias, const Optional& scale,
                            const Optional& shift, const Optional& residual, double negative_slope, const variable_list& map, const variable_list& reverse,
                            bool mirrored) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    variable_list saved{x, weight, scale.value_or(at::Tensor()), shift.value_or(at::Tensor())};
    const variable_list maps = both(map, reverse);
    saved.insert(saved.end(), maps.begin(), maps.end());
    context->save_for_backward(saved);
    const auto needs = [](const Optional& tensor) { return tensor && tensor->requires_grad(); };
    context->saved_data["needs"] = std::vector<bool>{x.requires_grad(), weight.requires_grad(), needs(bias), needs(scale), needs(shift), needs(residual)};
    context->saved_data["negative_slope"] = negative_slope;
    return call_backend(x, weight, bias, map, mirrored, {scale, shift, negative_slope, residual});
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const SavedMaps maps(saved, 4);
    const at::Tensor &x = saved[0], &weight = saved[1], &grad = grads[0];
    const auto needs = context->saved_data["needs"].toBoolList();
    variable_list result(kArguments);
    if (needs[kBias]) result[kBias] = sum_of_rows(grad, weight.scalar_type());
    if (needs[kResidual]) result[kResidual] = grad;
    if (!saved[2].defined()) {
      if (needs[kX]) result[kX] = feature_gradient(grad, weight, maps.map, maps.reverse);
      if (needs[kWeight]) result[kWeight] = weight_gradient(x, grad, maps.map, maps.reverse, weight.sym_size(0)).to(weight.scalar_type());
      return result;
    }
    const Fusion fusion{saved[2], saved[3], context->saved_data["negative_slope"].toDouble(), std::nullopt};
    const PrologueGradients gradients =
        at::GradMode::is_enabled() ? differentiable_prologue_gradients(x, weight, grad, fusion, maps.map, maps.reverse)
                                   : prologue_gradients(x, weight, grad, fusion, maps.map, maps.reverse, needs[kX] || needs[kScale] || needs[kShift], needs[kWeight]);
    for (const auto& [argument, gradient] : {std::pair(kX, gradients.x), {kScale, gradients.scale}, {kShift, gradients.shift}, {kWeight, gradients.weight}})
      if (needs[argument]) result[argument] = gradient;
    return result;
  }
};

/// Linear in both of its arguments, so its derivatives are convolutions again.
struct WeightGradientFunction : torch::autograd::Function<WeightGradientFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& grad, const variable_list& map,
                            const variable_list& reverse, const c10::SymInt& taps) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    variable_list saved{x, grad};
    const variable_list maps = both(map, reverse);
    saved.insert(saved.end(), maps.begin(), maps.end());
    context->save_for_backward(saved);
    return call_weight_backend(x, grad, map, taps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const SavedMaps maps(saved, 2);
    return {feature_gradient(saved[1], grads[0], maps.map, maps.reverse), convolve(saved[0], grads[0], {}, maps.map, maps.reverse, false), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const Optional& bias, at::TensorList map, at::TensorList reverse, bool mirrored,
                    const Fusion& fusion) {
  check_arguments(x, weight, bias, map, reverse, fusion);
  if (needs_gradient(x) || needs_gradient(weight) || needs_gradient(bias) || needs_gradient(fusion.scale) || needs_gradient(fusion.shift) ||
      needs_gradient(fusion.residual))
    return ConvFunction::apply(x, weight, bias, fusion.scale, fusion.shift, fusion.residual, fusion.negative_slope, map.vec(), reverse.vec(), mirrored);
  return call_backend(x, weight, bias, map, mirrored, fusion);
}

at::Tensor sparse_conv_composite(const at::Tensor& x, const at::Tensor& weight, const Optional& bias, at::TensorList map, at::TensorList reverse,
                                 const Optional& scale, const Optional& shift, double negative_slope, const Optional& residual) {
  return convolve(x, weight, bias, map, reverse, /*mirrored=*/false, {scale, shift, negative_slope, residual});
}

/// Features are rounded to the type of autocast, weights are not: they stand in fp32 beside half types.
template <at::DeviceType device>
at::Tensor sparse_conv_autocast(const at::Tensor& x, const at::Tensor& weight, const Optional& bias, at::TensorList map, at::TensorList reverse,
                                const Optional& scale, const Optional& shift, double negative_slope, const Optional& residual) {
  const c10::impl::ExcludeDispatchKeyGuard below_autocast(at::autocast::get_autocast_dispatch_key_from_device_type(device));
  const auto rounded = [](const at::Tensor& features) { return at::autocast::cached_cast(at::autocast::get_autocast_dtype(device), features, device); };
  return sparse_conv_composite(rounded(x), weight, bias, map, reverse, scale, shift, negative_slope, residual ? Optional(rounded(*residual)) : std::nullopt);
}

at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& grad, at::TensorList map, at::TensorList reverse, c10::SymInt taps) {
  const char* where = "tev::sparse_conv_weight_backward";
  check_features(where, "x", x);
  check_features(where, "grad", grad);
  TEV_CHECK(grad.scalar_type() == x.scalar_type() && grad.device() == x.device(), where, ": grad is ", c10::toString(grad.scalar_type()), " on ",
            grad.device(), " (", c10::toString(x.scalar_type()), " on ", x.device(), " was expected, as x is).");
  check_map(where, "map", map, x);
  if (!reverse.empty()) check_map(where, "reverse", reverse, x);
  TEV_CHECK(grad.sym_size(0) == map[4].sym_size(0), where, ": grad has ", grad.sym_size(0), " rows (", map[4].sym_size(0),
            " were expected, the outputs of the map).");
  check_extent(where, map, taps);
  if (needs_gradient(x) || needs_gradient(grad)) return WeightGradientFunction::apply(x, grad, map.vec(), reverse.vec(), taps);
  return call_weight_backend(x, grad, map, taps);
}

at::Tensor sparse_conv_meta(const at::Tensor& x, const at::Tensor& weight, const Optional&, at::TensorList map, bool, const Optional&, const Optional&, double,
                            const Optional&) {
  return at::empty_symint({map[4].sym_size(0), weight.sym_size(2)}, x.options());
}

at::Tensor weight_backward_meta(const at::Tensor& x, const at::Tensor& grad, at::TensorList, c10::SymInt taps, const Optional&, const Optional&, double) {
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::empty_symint({std::move(taps), x.sym_size(1), grad.sym_size(1)}, x.options().dtype(type));
}

}  // namespace

at::Tensor sparse_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const ConvolutionMaps& maps, const ConvolutionFusion& fusion) {
  TEV_CHECK(!portable_mode(), kWhere, ": a kernel map has no portable form (the trace would need this library, and have its sizes for constants). Take "
            "tev::kernel_table_portable and tev::sparse_conv_portable.");
  static const auto op = operator_handle<
      at::Tensor(const at::Tensor&, const at::Tensor&, const Optional&, at::TensorList, at::TensorList, const Optional&, const Optional&, double, const Optional&)>("tev::sparse_conv");
  const std::vector<at::Tensor> map = maps.forward.tensors();
  const std::vector<at::Tensor> reverse = maps.reverse ? maps.reverse->tensors() : std::vector<at::Tensor>();
  const auto optional = [](const at::Tensor& tensor) { return tensor.defined() ? Optional(tensor) : std::nullopt; };
  return op.call(x, weight, optional(bias), map, reverse, optional(fusion.scale), optional(fusion.shift), fusion.negative_slope, optional(fusion.residual));
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("sparse_conv(Tensor x, Tensor weight, Tensor? bias, Tensor[] map, Tensor[] reverse, Tensor? scale=None, Tensor? shift=None, "
        "float negative_slope=1., Tensor? residual=None) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("sparse_conv_weight_backward(Tensor x, Tensor grad, Tensor[] map, Tensor[] reverse, SymInt taps) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_sparse_conv(Tensor x, Tensor weight, Tensor? bias, Tensor[] map, bool mirrored, Tensor? scale=None, Tensor? shift=None, "
        "float negative_slope=1., Tensor? residual=None) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_sparse_conv_weight_backward(Tensor x, Tensor grad, Tensor[] map, SymInt taps, Tensor? scale=None, Tensor? shift=None, "
        "float negative_slope=1.) -> Tensor", {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("sparse_conv", sparse_conv_composite);
  m.impl("sparse_conv_weight_backward", weight_gradient);
}

TORCH_LIBRARY_IMPL(tev, AutocastCPU, m) { m.impl("sparse_conv", sparse_conv_autocast<at::kCPU>); }
TORCH_LIBRARY_IMPL(tev, AutocastCUDA, m) { m.impl("sparse_conv", sparse_conv_autocast<at::kCUDA>); }

TORCH_LIBRARY_IMPL(tev, Meta, m) {
  m.impl("_sparse_conv", sparse_conv_meta);
  m.impl("_sparse_conv_weight_backward", weight_backward_meta);
}

}  // namespace tev
