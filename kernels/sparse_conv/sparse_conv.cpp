#include "kernels/sparse_conv/sparse_conv.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <utility>
#include <vector>

#include "base/check.hpp"
#include "kernels/device_support.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"

namespace tev {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kWhere = "tev::sparse_conv";
constexpr size_t kMapTensors = 5;

bool is_half(at::ScalarType type) { return type == at::kHalf || type == at::kBFloat16; }

void check_features(const char* where, const char* name, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TEV_CHECK(type == at::kFloat || type == at::kDouble || is_half(type), where, ": ", name, " has dtype ", c10::toString(type),
            " (float16, bfloat16, float32 or float64 was expected).");
  TEV_CHECK(x.dim() == 2, where, ": ", name, " has shape ", x.sym_sizes(), " ([voxels, channels] was expected).");
  check_device_support(where, x.device());
}

void check_map(const char* where, const char* name, at::TensorList map, const at::Tensor& x) {
  TEV_CHECK(map.size() == kMapTensors, where, ": ", name, " has ", map.size(), " tensors (", kMapTensors, " were expected, from tev::kernel_map).");
  constexpr at::ScalarType types[] = {at::kInt, at::kLong, at::kInt, at::kLong, at::kInt};
  constexpr int64_t dims[] = {1, 1, 1, 1, 2};
  for (size_t i = 0; i < kMapTensors; ++i) {
    TEV_CHECK(map[i].scalar_type() == types[i] && map[i].dim() == dims[i], where, ": tensor ", i, " of ", name, " is ",
              c10::toString(map[i].scalar_type()), ' ', map[i].sym_sizes(), " (", c10::toString(types[i]), " of ", dims[i],
              " dimensions was expected, from tev::kernel_map).");
    TEV_CHECK(map[i].device() == x.device(), where, ": ", name, " is on ", map[i].device(), " (", x.device(), " was expected, where x is).");
  }
}

/// That a map has as many taps and tiles as weights and outputs want.
void check_extent(const char* where, at::TensorList map, const c10::SymInt& taps) {
  const c10::SymInt tiles = map[3].sym_size(0) - 1;
  TEV_CHECK(map[1].sym_size(0) == tiles * taps + 1, where, ": the map has ", map[1].sym_size(0) - 1, " lists of pairs (", tiles * taps,
            " were expected: ", tiles, " tiles of ", taps, " taps, as weight has).");
  TEV_CHECK(tiles == (map[4].sym_size(0) + (kernel_map_math::tile_rows - 1)) / kernel_map_math::tile_rows, where, ": the map has ", tiles,
            " tiles for ", map[4].sym_size(0), " outputs (a map from tev::kernel_map was expected).");
}

void check_arguments(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, at::TensorList map, at::TensorList reverse) {
  check_features(kWhere, "x", x);
  TEV_CHECK(weight.dim() == 3 && weight.sym_size(1) == x.sym_size(1), kWhere, ": weight has shape ", weight.sym_sizes(), " ([taps, ",
            x.sym_size(1), ", out channels] was expected, as x has ", x.sym_size(1), " channels).");
  TEV_CHECK(weight.scalar_type() == x.scalar_type() || (weight.scalar_type() == at::kFloat && is_half(x.scalar_type())), kWhere,
            ": weight has dtype ", c10::toString(weight.scalar_type()), " (", c10::toString(x.scalar_type()),
            " was expected, the dtype of x, or float32 beside a half type).");
  TEV_CHECK(weight.device() == x.device(), kWhere, ": weight is on ", weight.device(), " (", x.device(), " was expected, where x is).");
  if (bias) {
    TEV_CHECK(bias->dim() == 1 && bias->sym_size(0) == weight.sym_size(2), kWhere, ": bias has shape ", bias->sym_sizes(), " ([",
              weight.sym_size(2), "] was expected, the channels of the output).");
    TEV_CHECK(bias->scalar_type() == weight.scalar_type() && bias->device() == weight.device(), kWhere, ": bias is ",
              c10::toString(bias->scalar_type()), " on ", bias->device(), " (", c10::toString(weight.scalar_type()), " on ", weight.device(),
              " was expected, as weight is).");
  }
  check_map(kWhere, "map", map, x);
  check_extent(kWhere, map, weight.sym_size(0));
  if (!reverse.empty()) {
    check_map(kWhere, "reverse", reverse, x);
    check_extent(kWhere, reverse, weight.sym_size(0));
    TEV_CHECK(reverse[4].sym_size(0) == x.sym_size(0), kWhere, ": the reverse map has ", reverse[4].sym_size(0), " outputs (", x.sym_size(0),
              " were expected, the rows of x).");
  } else {
    TEV_CHECK(map[4].sym_size(0) == x.sym_size(0), kWhere, ": the map has ", map[4].sym_size(0), " outputs and x ", x.sym_size(0),
              " rows (equal numbers were expected, as there is no reverse map).");
  }
}

/// @param mirrored  the map is used as its own reverse, which only a backend can check
at::Tensor call_backend(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, at::TensorList map, bool mirrored) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("tev::_sparse_conv", "")
      .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, at::TensorList, bool)>();
  return op.call(x, weight, bias, map, mirrored);
}

at::Tensor call_weight_backend(const at::Tensor& x, const at::Tensor& grad, at::TensorList map, const c10::SymInt& taps) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("tev::_sparse_conv_weight_backward", "")
      .typed<at::Tensor(const at::Tensor&, const at::Tensor&, at::TensorList, c10::SymInt)>();
  return op.call(x, grad, map, taps);
}

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, at::TensorList map, at::TensorList reverse,
                    bool mirrored);
at::Tensor weight_gradient(const at::Tensor& x, const at::Tensor& grad, at::TensorList map, at::TensorList reverse, c10::SymInt taps);

bool needs_gradient(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.requires_grad(); }

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

struct ConvFunction : torch::autograd::Function<ConvFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const variable_list& map, const variable_list& reverse, bool mirrored) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    variable_list saved{x, weight};
    const variable_list maps = both(map, reverse);
    saved.insert(saved.end(), maps.begin(), maps.end());
    context->save_for_backward(saved);
    context->saved_data["needs"] = std::vector<bool>{x.requires_grad(), weight.requires_grad(), bias && bias->requires_grad()};
    context->saved_data["has_bias"] = bias.has_value();
    return call_backend(x, weight, bias, map, mirrored);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const SavedMaps maps(saved, 2);
    const at::Tensor &x = saved[0], &weight = saved[1], &grad = grads[0];
    const auto needs = context->saved_data["needs"].toBoolList();
    variable_list result(6);
    if (needs[0]) result[0] = feature_gradient(grad, weight, maps.map, maps.reverse);
    if (needs[1]) result[1] = weight_gradient(x, grad, maps.map, maps.reverse, weight.sym_size(0)).to(weight.scalar_type());
    if (needs[2]) result[2] = sum_of_rows(grad, weight.scalar_type());
    return result;
  }

  /// Reproducible, unlike at::sum, whose order depends on the number of threads.
  static at::Tensor sum_of_rows(const at::Tensor& grad, at::ScalarType type) {
    const at::Tensor offsets = at::arange(2, grad.options().dtype(at::kLong)).mul(c10::Scalar(grad.sym_size(0)));
    return segment_reduce(grad.to(type), offsets, SegmentReduction::sum).squeeze(0);
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

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, at::TensorList map, at::TensorList reverse,
                    bool mirrored) {
  check_arguments(x, weight, bias, map, reverse);
  if (needs_gradient(x) || needs_gradient(weight) || (bias && needs_gradient(*bias)))
    return ConvFunction::apply(x, weight, bias, map.vec(), reverse.vec(), mirrored);
  return call_backend(x, weight, bias, map, mirrored);
}

at::Tensor sparse_conv_composite(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, at::TensorList map, at::TensorList reverse) {
  return convolve(x, weight, bias, map, reverse, /*mirrored=*/false);
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

at::Tensor sparse_conv_meta(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias, at::TensorList map, bool mirrored) {
  return at::empty_symint({map[4].sym_size(0), weight.sym_size(2)}, x.options());
}

at::Tensor weight_backward_meta(const at::Tensor& x, const at::Tensor& grad, at::TensorList map, c10::SymInt taps) {
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::empty_symint({std::move(taps), x.sym_size(1), grad.sym_size(1)}, x.options().dtype(type));
}

}  // namespace

at::Tensor sparse_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const ConvolutionMaps& maps) {
  const std::vector<at::Tensor> map = maps.forward.tensors();
  const std::vector<at::Tensor> reverse = maps.reverse ? maps.reverse->tensors() : std::vector<at::Tensor>();
  return convolve(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, map, reverse, /*mirrored=*/false);
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("sparse_conv(Tensor x, Tensor weight, Tensor? bias, Tensor[] map, Tensor[] reverse) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("sparse_conv_weight_backward(Tensor x, Tensor grad, Tensor[] map, Tensor[] reverse, SymInt taps) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_sparse_conv(Tensor x, Tensor weight, Tensor? bias, Tensor[] map, bool mirrored) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_sparse_conv_weight_backward(Tensor x, Tensor grad, Tensor[] map, SymInt taps) -> Tensor", {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("sparse_conv", sparse_conv_composite);
  m.impl("sparse_conv_weight_backward", weight_gradient);
}

TORCH_LIBRARY_IMPL(tev, Meta, m) {
  m.impl("_sparse_conv", sparse_conv_meta);
  m.impl("_sparse_conv_weight_backward", weight_backward_meta);
}

}  // namespace tev
