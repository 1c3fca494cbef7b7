#include "kernels/segment_reduce/segment_reduce.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "base/check.hpp"
#include "base/names.hpp"
#include "base/portable.hpp"
#include "kernels/device_support.hpp"
#include "kernels/operator_handle.hpp"

namespace tev {
namespace {

constexpr std::array<std::string_view, 4> reduction_names = {"sum", "mean", "max", "min"};

void check_floating(const char* where, const char* name, const at::Tensor& tensor) {
  const at::ScalarType type = tensor.scalar_type();
  TEV_CHECK(type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16, where, ": ", name,
            " has dtype ", c10::toString(type), " (float16, bfloat16, float32 or float64 was expected).");
  TEV_CHECK(tensor.dim() >= 1, where, ": ", name, " is a scalar (rows along dimension 0 were expected).");
}

void check_index(const char* where, const char* name, const at::Tensor& index, const at::Tensor& x) {
  TEV_CHECK(index.scalar_type() == at::kLong, where, ": ", name, " has dtype ", c10::toString(index.scalar_type()),
            " (int64 was expected).");
  TEV_CHECK(index.device() == x.device(), where, ": ", name, " is on ", index.device(), " (", x.device(),
            " was expected, where the values are).");
}

void check_arguments(const char* where, const at::Tensor& x, const at::Tensor& offsets) {
  check_floating(where, "x", x);
  check_device_support(where, x.device());
  check_index(where, "offsets", offsets, x);
  TEV_CHECK(offsets.dim() == 1, where, ": offsets has ", offsets.dim(),
            " dimensions (1 was expected: [segments + 1]).");
  TEV_CHECK(offsets.sym_size(0) >= 1, where,
            ": offsets is empty (segments + 1 numbers were expected: at least the 0).");
}

void check_backward_arguments(const char* where, const at::Tensor& grad, const at::Tensor& offsets,
                              const at::Tensor& arg, SegmentReduction reduction) {
  check_arguments(where, grad, offsets);
  TEV_CHECK(grad.sym_size(0) == offsets.sym_size(0) - 1, where, ": grad has ", grad.sym_size(0), " rows (",
            offsets.sym_size(0) - 1, " were expected, one a segment).");
  if (!keeps_row_index(reduction)) return;
  check_index(where, "arg", arg, grad);
  TEV_CHECK(arg.sym_sizes() == grad.sym_sizes(), where, ": arg has shape ", arg.sym_sizes(), " (", grad.sym_sizes(),
            " was expected, the shape of grad).");
}

std::tuple<at::Tensor, at::Tensor> call_backend(const at::Tensor& x, const at::Tensor& offsets, std::string_view reduce,
                                                bool with_arg) {
  static const auto op = operator_handle<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&, std::string_view, bool)>
      ("tev::_segment_reduce");
  return op.call(x, offsets, reduce, with_arg);
}

at::Tensor call_backward_backend(const at::Tensor& grad, const at::Tensor& offsets, const at::Tensor& arg,
                                 std::string_view reduce, const c10::SymInt& num_rows) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::string_view, c10::SymInt)>
      ("tev::_segment_reduce_backward");
  return op.call(grad, offsets, arg, reduce, num_rows);
}

at::Tensor call_segment_reduce(const at::Tensor& x, const at::Tensor& offsets, std::string_view reduce) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, std::string_view)>("tev::segment_reduce");
  return op.call(x, offsets, reduce);
}

at::Tensor call_backward(const at::Tensor& grad, const at::Tensor& offsets, const at::Tensor& arg,
                         std::string_view reduce, const c10::SymInt& num_rows) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, std::string_view, c10::SymInt)>
      ("tev::segment_reduce_backward");
  return op.call(grad, offsets, arg, reduce, num_rows);
}

/// x[arg] channel by channel, 0 where arg is -1 (an empty segment): the adjoint of the backward of max and min.
at::Tensor take_rows(const at::Tensor& x, const at::Tensor& arg) {
  if (x.sym_size(0) == 0) return at::zeros_like(arg, x.options());
  return at::where(arg.ge(0), x.gather(0, arg.clamp_min(0)), 0);
}

bool needs_gradient(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.requires_grad(); }

/// The backward as a differentiable function of grad: its adjoint is the forward itself, or the choice of rows it made.
struct BackwardFunction : torch::autograd::Function<BackwardFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& grad,
                            const at::Tensor& offsets, const at::Tensor& arg, const std::string& reduce,
                            const c10::SymInt& num_rows) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    context->save_for_backward({offsets, arg});
    context->saved_data["reduce"] = reduce;
    return call_backward_backend(grad, offsets, arg, reduce, num_rows);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const std::string reduce = context->saved_data["reduce"].toStringRef();
    const bool takes_rows = keeps_row_index(segment_reduction_from(reduce));
    return {takes_rows ? take_rows(grads[0], saved[1]) : call_segment_reduce(grads[0], saved[0], reduce),
            at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

struct ForwardFunction : torch::autograd::Function<ForwardFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& offsets,
                            const std::string& reduce) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [out, arg] = call_backend(x, offsets, reduce, /*with_arg=*/true);
    context->save_for_backward({offsets, arg});
    context->saved_data["reduce"] = reduce;
    context->saved_data["num_rows"] = x.sym_size(0);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& grads) {
    const auto saved = context->get_saved_variables();
    return {call_backward(grads[0], saved[0], saved[1], context->saved_data["reduce"].toStringRef(),
                          context->saved_data["num_rows"].toSymInt()),
            at::Tensor(), at::Tensor()};
  }
};

at::Tensor segment_reduce_composite(const at::Tensor& x, const at::Tensor& offsets, std::string_view reduce) {
  segment_reduction_from(reduce);
  check_arguments("tev::segment_reduce", x, offsets);
  if (needs_gradient(x)) return ForwardFunction::apply(x, offsets, std::string(reduce));
  return std::get<0>(call_backend(x, offsets, reduce, /*with_arg=*/false));
}

at::Tensor segment_reduce_backward_composite(const at::Tensor& grad, const at::Tensor& offsets, const at::Tensor& arg,
                                             std::string_view reduce, c10::SymInt num_rows) {
  check_backward_arguments("tev::segment_reduce_backward", grad, offsets, arg, segment_reduction_from(reduce));
  if (needs_gradient(grad)) return BackwardFunction::apply(grad, offsets, arg, std::string(reduce), num_rows);
  return call_backward_backend(grad, offsets, arg, reduce, num_rows);
}

std::tuple<at::Tensor, at::Tensor> segment_reduce_meta(const at::Tensor& x, const at::Tensor& offsets,
                                                       std::string_view reduce, bool with_arg) {
  c10::SymDimVector shape(x.sym_sizes().begin(), x.sym_sizes().end());
  shape[0] = offsets.sym_size(0) - 1;
  const bool has_arg = with_arg && keeps_row_index(segment_reduction_from(reduce));
  const auto arg_options = offsets.options();
  return {at::empty_symint(shape, x.options()),
          at::empty_symint(has_arg ? c10::SymIntArrayRef(shape) : c10::SymIntArrayRef({0}), arg_options)};
}

at::Tensor segment_reduce_backward_meta(const at::Tensor& grad, const at::Tensor& offsets, const at::Tensor& arg,
                                        std::string_view reduce, c10::SymInt num_rows) {
  c10::SymDimVector shape(grad.sym_sizes().begin(), grad.sym_sizes().end());
  shape[0] = num_rows;
  return at::empty_symint(shape, grad.options());
}

}  // namespace

bool keeps_row_index(SegmentReduction reduction) {
  return reduction == SegmentReduction::max || reduction == SegmentReduction::min;
}

std::string_view segment_reduction_name(SegmentReduction reduction) {
  return reduction_names[static_cast<size_t>(reduction)];
}

SegmentReduction segment_reduction_from(std::string_view name) {
  for (size_t i = 0; i < reduction_names.size(); ++i)
    if (reduction_names[i] == name) return static_cast<SegmentReduction>(i);
  const std::vector<std::string> known(reduction_names.begin(), reduction_names.end());
  throw Error(c10::str("tev::segment_reduce: reduce is '", name, "' (known: ", join_names(known), ").",
                       suggest_name(std::string(name), known)));
}

void check_segment_offsets(const at::Tensor& offsets, int64_t num_rows) {
  const int64_t* values = offsets.const_data_ptr<int64_t>();
  const int64_t num_segments = offsets.numel() - 1;
  TEV_CHECK(values[0] == 0, "tev::segment_reduce: offsets starts with ", values[0], " (0 was expected).");
  bool is_sorted = true;
  for (int64_t s = 0; s < num_segments; ++s) is_sorted &= values[s] <= values[s + 1];
  for (int64_t s = 0; !is_sorted && s < num_segments; ++s)
    TEV_CHECK(values[s] <= values[s + 1], "tev::segment_reduce: offsets falls from ", values[s], " to ", values[s + 1],
              " at position ", s + 1, " (nondecreasing numbers were expected).");
  TEV_CHECK(values[num_segments] == num_rows, "tev::segment_reduce: offsets ends with ", values[num_segments], " (",
            num_rows, " was expected, the number of rows).");
}

at::Tensor segment_reduce(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction) {
  if (!portable_mode()) return call_segment_reduce(x, offsets, segment_reduction_name(reduction));
  check_arguments("tev::segment_reduce", x, offsets);
  if (offsets.is_cpu()) check_segment_offsets(offsets.contiguous(), x.size(0));
  return segment_reduce_portable(x, offsets, reduction);
}

// The public operators check their arguments and take care of derivatives; those with an underscore are what a backend
// implements. Only values of offsets are checked by backends, since nobody else may read them. No autocast rule: sums
// accumulate in fp32 as it is. A fragment, because the namespace is shared by all operators.
TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("segment_reduce(Tensor x, Tensor offsets, str reduce) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("segment_reduce_backward(Tensor grad, Tensor offsets, Tensor arg, str reduce, SymInt num_rows) -> Tensor",
        {at::Tag::pt2_compliant_tag});
  m.def("_segment_reduce(Tensor x, Tensor offsets, str reduce, bool with_arg) -> (Tensor out, Tensor arg)",
        {at::Tag::pt2_compliant_tag});
  m.def("_segment_reduce_backward(Tensor grad, Tensor offsets, Tensor arg, str reduce, SymInt num_rows) -> Tensor",
        {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("segment_reduce", segment_reduce_composite);
  m.impl("segment_reduce_backward", segment_reduce_backward_composite);
}

TORCH_LIBRARY_IMPL(tev, Meta, m) {
  m.impl("_segment_reduce", segment_reduce_meta);
  m.impl("_segment_reduce_backward", segment_reduce_backward_meta);
}

}  // namespace tev
