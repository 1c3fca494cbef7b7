#include "kernels/voxel_grid/voxel_grid.hpp"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/device_support.hpp"
#include "kernels/operator_handle.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_values(const char* where, const char* name, const at::Tensor& values, int64_t dims, const char* shape) {
  const at::ScalarType type = values.scalar_type();
  TEV_CHECK(type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16, where, ": ", name, " has dtype ",
            c10::toString(type), " (float16, bfloat16, float32 or float64 was expected).");
  TEV_CHECK(values.dim() == dims, where, ": ", name, " has shape ", values.sym_sizes(), " (", shape, " was expected).");
  check_device_support(where, values.device());
}

void check_keys(const char* where, const at::Tensor& keys, const at::Tensor& values) {
  TEV_CHECK(keys.scalar_type() == at::kLong && keys.dim() == 1, where, ": keys is ", c10::toString(keys.scalar_type()), ' ', keys.sym_sizes(),
            " (int64 [M] was expected, from tev::voxel_index).");
  TEV_CHECK(keys.device() == values.device(), where, ": keys is on ", keys.device(), " (", values.device(), " was expected, where the values are).");
}

void check_origin(const char* where, at::IntArrayRef origin) {
  TEV_CHECK(origin.size() == 3, where, ": origin has ", origin.size(), " numbers (3 were expected: x, y, z).");
  for (const int64_t value : origin)
    TEV_CHECK(value >= voxel_key::least && value <= voxel_key::most, where, ": origin is ", origin, " (numbers from ", voxel_key::least, " to ", voxel_key::most,
              " were expected).");
}

void check_grid(const char* where, const c10::SymInt& num_events, at::IntArrayRef origin, c10::SymIntArrayRef size) {
  check_origin(where, origin);
  TEV_CHECK(num_events >= 0 && num_events <= voxel_key::num_events, where, ": num_events is ", num_events, " (a number from 0 to ", voxel_key::num_events,
            " was expected).");
  TEV_CHECK(size.size() == 3, where, ": size has ", size.size(), " numbers (3 were expected: x, y, z).");
  for (const auto& value : size)
    TEV_CHECK(value >= 1 && value <= voxel_key::values, where, ": size is ", size, " (numbers from 1 to ", voxel_key::values, " were expected).");
}

at::Tensor call_to_dense(const at::Tensor& x, const at::Tensor& keys, const c10::SymInt& num_events, at::IntArrayRef origin, c10::SymIntArrayRef size) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, c10::SymInt, at::IntArrayRef, c10::SymIntArrayRef)>("tev::_to_dense");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return op.call(x, keys, num_events, origin, size);
}

at::Tensor call_from_dense(const at::Tensor& dense, const at::Tensor& keys, at::IntArrayRef origin) {
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, at::IntArrayRef)>("tev::_from_dense");
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  return op.call(dense, keys, origin);
}

at::Tensor to_dense_composite(const at::Tensor& x, const at::Tensor& keys, c10::SymInt num_events, at::IntArrayRef origin, c10::SymIntArrayRef size);
at::Tensor from_dense_composite(const at::Tensor& dense, const at::Tensor& keys, at::IntArrayRef origin);

bool needs_gradient(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.requires_grad(); }

struct ToDenseFunction : torch::autograd::Function<ToDenseFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& keys, const c10::SymInt& num_events,
                            const std::vector<int64_t>& origin, c10::SymIntArrayRef size) {
    context->save_for_backward({keys});
    context->saved_data["origin"] = origin;
    return call_to_dense(x, keys, num_events, origin, size);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto origin = context->saved_data["origin"].toIntVector();
    return {from_dense_composite(grads[0], context->get_saved_variables()[0], origin), {}, {}, {}, {}};
  }
};

struct FromDenseFunction : torch::autograd::Function<FromDenseFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& dense, const at::Tensor& keys, const std::vector<int64_t>& origin) {
    context->save_for_backward({keys});
    context->saved_data["origin"] = origin;
    context->saved_data["shape"] = dense.sym_sizes();
    return call_from_dense(dense, keys, origin);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto origin = context->saved_data["origin"].toIntVector();
    const auto shape = context->saved_data["shape"].toSymIntVector();
    return {to_dense_composite(grads[0], context->get_saved_variables()[0], shape[0], origin, c10::SymIntArrayRef(shape).slice(2)), {}, {}};
  }
};

at::Tensor to_dense_composite(const at::Tensor& x, const at::Tensor& keys, c10::SymInt num_events, at::IntArrayRef origin, c10::SymIntArrayRef size) {
  const char* where = "tev::to_dense";
  check_values(where, "x", x, 2, "[voxels, channels]");
  check_keys(where, keys, x);
  TEV_CHECK(keys.sym_size(0) == x.sym_size(0), where, ": x has ", x.sym_size(0), " rows (", keys.sym_size(0), " were expected, one a key).");
  check_grid(where, num_events, origin, size);
  if (needs_gradient(x)) return ToDenseFunction::apply(x, keys, num_events, origin.vec(), size);
  return call_to_dense(x, keys, num_events, origin, size);
}

at::Tensor from_dense_composite(const at::Tensor& dense, const at::Tensor& keys, at::IntArrayRef origin) {
  const char* where = "tev::from_dense";
  check_values(where, "dense", dense, 5, "[events, channels, x, y, z]");
  check_keys(where, keys, dense);
  check_origin(where, origin);
  if (needs_gradient(dense)) return FromDenseFunction::apply(dense, keys, origin.vec());
  return call_from_dense(dense, keys, origin);
}

at::Tensor to_dense_meta(const at::Tensor& x, const at::Tensor&, c10::SymInt num_events, at::IntArrayRef, c10::SymIntArrayRef size) {
  return at::empty_symint({num_events, x.sym_size(1), size[0], size[1], size[2]}, x.options());
}

at::Tensor from_dense_meta(const at::Tensor& dense, const at::Tensor& keys, at::IntArrayRef) {
  return at::empty_symint({keys.sym_size(0), dense.sym_size(1)}, dense.options());
}

}  // namespace

at::Tensor to_dense(const at::Tensor& x, const at::Tensor& keys, int64_t num_events, const GridBox& box) {
  const c10::SymDimVector size(box.size.begin(), box.size.end());
  if (portable_mode()) return to_dense_portable(x, keys, num_events, box.origin, size);
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, c10::SymInt, at::IntArrayRef, c10::SymIntArrayRef)>("tev::to_dense");
  return op.call(x, keys, num_events, box.origin, size);
}

at::Tensor from_dense(const at::Tensor& dense, const at::Tensor& keys, const std::array<int64_t, 3>& origin) {
  if (portable_mode()) return from_dense_portable(dense, keys, origin);
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, const at::Tensor&, at::IntArrayRef)>("tev::from_dense");
  return op.call(dense, keys, origin);
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("to_dense(Tensor x, Tensor keys, SymInt num_events, int[3] origin, SymInt[3] size) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("from_dense(Tensor dense, Tensor keys, int[3] origin) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_to_dense(Tensor x, Tensor keys, SymInt num_events, int[3] origin, SymInt[3] size) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_from_dense(Tensor dense, Tensor keys, int[3] origin) -> Tensor", {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("to_dense", to_dense_composite);
  m.impl("from_dense", from_dense_composite);
}

TORCH_LIBRARY_IMPL(tev, Meta, m) {
  m.impl("_to_dense", to_dense_meta);
  m.impl("_from_dense", from_dense_meta);
}

}  // namespace tev
