#include "kernels/sparse_pool/sparse_pool.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <string>
#include <tuple>
#include <vector>

#include "base/check.hpp"
#include "kernels/kernel_map/map_checks.hpp"
#include "kernels/operator_handle.hpp"

namespace tev {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_arguments(const at::Tensor& x, at::TensorList map, at::TensorList reverse) {
  const char* where = "tev::sparse_pool";
  check_features(where, "x", x);
  check_map(where, "map", map, x);
  if (!reverse.empty()) check_map(where, "reverse", reverse, x);
  const c10::SymInt rows = (reverse.empty() ? map : reverse)[4].sym_size(0);
  TEV_CHECK(rows == x.sym_size(0), where, ": x has ", x.sym_size(0), " rows (", rows, " were expected, ",
            reverse.empty() ? "the outputs of the map, as there is no reverse map)." : "the outputs of the reverse map).");
}

void check_backward_arguments(const at::Tensor& grad, const at::Tensor& arg, at::TensorList map, at::TensorList reverse, SegmentReduction reduction) {
  const char* where = "tev::sparse_pool_backward";
  check_features(where, "grad", grad);
  check_map(where, "map", map, grad);
  if (!reverse.empty()) check_map(where, "reverse", reverse, grad);
  TEV_CHECK(grad.sym_size(0) == map[4].sym_size(0), where, ": grad has ", grad.sym_size(0), " rows (", map[4].sym_size(0),
            " were expected, the outputs of the map).");
  if (!keeps_row_index(reduction)) return;
  TEV_CHECK(arg.scalar_type() == at::kInt && arg.sym_sizes() == grad.sym_sizes() && arg.device() == grad.device(), where, ": arg is ",
            c10::toString(arg.scalar_type()), ' ', arg.sym_sizes(), " on ", arg.device(), " (Int ", grad.sym_sizes(), " on ", grad.device(),
            " was expected, beside grad).");
}

std::tuple<at::Tensor, at::Tensor> call_backend(const at::Tensor& x, at::TensorList map, std::string_view reduce, bool with_arg) {
  static const auto op = operator_handle<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, at::TensorList, std::string_view, bool)>("tev::_sparse_pool");
  return op.call(x, map, reduce, with_arg);
}

at::Tensor call_backward_backend(const at::Tensor& grad, const at::Tensor& arg, at::TensorList map, at::TensorList reverse, std::string_view reduce) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, at::TensorList, at::TensorList, std::string_view)>
      ("tev::_sparse_pool_backward");
  return op.call(grad, arg, map, reverse, reduce);
}

at::Tensor sparse_pool_composite(const at::Tensor& x, at::TensorList map, at::TensorList reverse, std::string_view reduce);
at::Tensor sparse_pool_backward_composite(const at::Tensor& grad, const at::Tensor& arg, at::TensorList map, at::TensorList reverse, std::string_view reduce);

/// x[arg] channel by channel, 0 where arg is -1: the adjoint of the backward of max and min.
at::Tensor take_rows(const at::Tensor& x, const at::Tensor& arg) {
  if (x.sym_size(0) == 0) return at::zeros_like(arg, x.options());
  return at::where(arg.ge(0), x.gather(0, arg.clamp_min(0).to(at::kLong)), 0);
}

bool needs_gradient(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.requires_grad(); }

/// arg and both maps, kept for the backward in one list.
void save(AutogradContext* context, const at::Tensor& arg, const variable_list& map, const variable_list& reverse, const std::string& reduce) {
  variable_list all{arg};
  all.insert(all.end(), map.begin(), map.end());
  all.insert(all.end(), reverse.begin(), reverse.end());
  context->save_for_backward(all);
  context->saved_data["reduce"] = reduce;
}

struct Saved {
  explicit Saved(AutogradContext* context) : all(context->get_saved_variables()), reduce(context->saved_data["reduce"].toStringRef()) {}
  const at::Tensor& arg() const { return all[0]; }
  at::TensorList map() const { return at::TensorList(all).slice(1, kMapTensors); }
  at::TensorList reverse() const { return at::TensorList(all).slice(1 + kMapTensors); }
  variable_list all;
  std::string reduce;
};

/// Linear in grad; its adjoint is the forward itself, or the choice of inputs that it made.
struct BackwardFunction : torch::autograd::Function<BackwardFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& grad, const at::Tensor& arg, const variable_list& map, const variable_list& reverse,
                            const std::string& reduce) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    save(context, arg, map, reverse, reduce);
    return call_backward_backend(grad, arg, map, reverse, reduce);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Saved saved(context);
    const bool takes_rows = keeps_row_index(segment_reduction_from(saved.reduce));
    return {takes_rows ? take_rows(grads[0], saved.arg()) : sparse_pool_composite(grads[0], saved.map(), saved.reverse(), saved.reduce), at::Tensor(),
            at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

struct ForwardFunction : torch::autograd::Function<ForwardFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const variable_list& map, const variable_list& reverse, const std::string& reduce) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [out, arg] = call_backend(x, map, reduce, /*with_arg=*/true);
    save(context, arg, map, reverse, reduce);
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Saved saved(context);
    return {sparse_pool_backward_composite(grads[0], saved.arg(), saved.map(), saved.reverse(), saved.reduce), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor sparse_pool_composite(const at::Tensor& x, at::TensorList map, at::TensorList reverse, std::string_view reduce) {
  segment_reduction_from(reduce);
  check_arguments(x, map, reverse);
  if (needs_gradient(x)) return ForwardFunction::apply(x, map.vec(), reverse.vec(), std::string(reduce));
  return std::get<0>(call_backend(x, map, reduce, /*with_arg=*/false));
}

at::Tensor sparse_pool_backward_composite(const at::Tensor& grad, const at::Tensor& arg, at::TensorList map, at::TensorList reverse, std::string_view reduce) {
  check_backward_arguments(grad, arg, map, reverse, segment_reduction_from(reduce));
  if (needs_gradient(grad)) return BackwardFunction::apply(grad, arg, map.vec(), reverse.vec(), std::string(reduce));
  return call_backward_backend(grad, arg, map, reverse, reduce);
}

std::tuple<at::Tensor, at::Tensor> sparse_pool_meta(const at::Tensor& x, at::TensorList map, std::string_view reduce, bool with_arg) {
  const bool has_arg = with_arg && keeps_row_index(segment_reduction_from(reduce));
  const c10::SymDimVector shape{map[4].sym_size(0), x.sym_size(1)};
  return {at::empty_symint(shape, x.options()), at::empty_symint(has_arg ? c10::SymIntArrayRef(shape) : c10::SymIntArrayRef({0}), x.options().dtype(at::kInt))};
}

at::Tensor sparse_pool_backward_meta(const at::Tensor& grad, const at::Tensor& arg, at::TensorList map, at::TensorList reverse, std::string_view reduce) {
  return at::empty_symint({(reverse.empty() ? map : reverse)[4].sym_size(0), grad.sym_size(1)}, grad.options());
}

}  // namespace

at::Tensor sparse_pool(const at::Tensor& x, const ConvolutionMaps& maps, SegmentReduction reduction) {
  const std::vector<at::Tensor> map = maps.forward.tensors();
  const std::vector<at::Tensor> reverse = maps.reverse ? maps.reverse->tensors() : std::vector<at::Tensor>();
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, at::TensorList, at::TensorList, std::string_view)>("tev::sparse_pool");
  return op.call(x, map, reverse, segment_reduction_name(reduction));
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("sparse_pool(Tensor x, Tensor[] map, Tensor[] reverse, str reduce) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("sparse_pool_backward(Tensor grad, Tensor arg, Tensor[] map, Tensor[] reverse, str reduce) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_sparse_pool(Tensor x, Tensor[] map, str reduce, bool with_arg) -> (Tensor out, Tensor arg)", {at::Tag::pt2_compliant_tag});
  m.def("_sparse_pool_backward(Tensor grad, Tensor arg, Tensor[] map, Tensor[] reverse, str reduce) -> Tensor", {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("sparse_pool", sparse_pool_composite);
  m.impl("sparse_pool_backward", sparse_pool_backward_composite);
}

TORCH_LIBRARY_IMPL(tev, Meta, m) {
  m.impl("_sparse_pool", sparse_pool_meta);
  m.impl("_sparse_pool_backward", sparse_pool_backward_meta);
}

}  // namespace tev
