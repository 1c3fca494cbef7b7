#include "kernels/voxel_index/voxel_index.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.hpp"
#include "base/names.hpp"
#include "base/portable.hpp"
#include "kernels/device_support.hpp"
#include "kernels/operator_handle.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev {
namespace {

using Tensors = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

constexpr const char* kWhere = "tev::voxel_index";

void check_coords(const at::Tensor& coords) {
  TEV_CHECK(coords.scalar_type() == at::kInt, kWhere, ": coords has dtype ", c10::toString(coords.scalar_type()), " (int32 was expected).");
  TEV_CHECK(coords.dim() == 2 && coords.sym_size(1) == 4, kWhere, ": coords has shape ", coords.sym_sizes(),
            " ([N, 4] was expected: event, x, y, z).");
  TEV_CHECK(coords.sym_size(0) < std::numeric_limits<int32_t>::max(), kWhere, ": coords has ", coords.sym_size(0),
            " rows (fewer than 2^31 were expected). Take fewer events at a time.");
  check_device_support(kWhere, coords.device());
}

void check_keys(const char* where, const at::Tensor& keys) {
  TEV_CHECK(keys.scalar_type() == at::kLong && keys.dim() == 1, where, ": keys is ", c10::toString(keys.scalar_type()), ' ',
            keys.sym_sizes(), " (int64 [M] was expected, from tev::voxel_index).");
}

/// Of a voxel with more than one row, which there is.
[[noreturn]] void report_duplicate(const at::Tensor& coords, const VoxelIndex& index) {
  const at::Tensor offsets = index.offsets.cpu(), order = index.order.cpu();
  const auto* offset = offsets.const_data_ptr<int64_t>();
  int64_t voxel = 0;
  while (offset[voxel + 1] - offset[voxel] == 1) ++voxel;
  const auto* rows = order.const_data_ptr<int64_t>() + offset[voxel];
  const at::Tensor c = coords[rows[0]].cpu();
  throw DuplicateVoxel(c10::str(kWhere, ": rows ", rows[0], " and ", rows[1], " of coords are one voxel (event ", c[0].item<int>(), ", x ", c[1].item<int>(),
                                ", y ", c[2].item<int>(), ", z ", c[3].item<int>(), "; ", index.order.numel() - index.keys.numel(),
                                " rows are doubled in all). Say duplicates 'sum', 'mean' or 'first', or remove them."),
                       rows[0]);
}

Tensors voxel_index_composite(const at::Tensor& coords, std::string_view duplicates) {
  check_coords(coords);
  const Duplicates policy = duplicates_from(duplicates);
  static const auto op = operator_handle<Tensors(const at::Tensor&)>("tev::_voxel_index");
  const auto [keys, order, offsets, inverse] = op.call(coords);
  if (policy == Duplicates::error && keys.sym_size(0) != order.sym_size(0)) report_duplicate(coords, {keys, order, offsets, inverse});
  return {keys, order, offsets, inverse};
}

at::Tensor event_offsets_composite(const at::Tensor& keys, c10::SymInt num_events) {
  const char* where = "tev::event_offsets";
  check_keys(where, keys);
  check_device_support(where, keys.device());
  TEV_CHECK(num_events >= 0 && num_events <= voxel_key::num_events, where, ": num_events is ", num_events, " (a number from 0 to ", voxel_key::num_events,
            " was expected).");
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, c10::SymInt)>("tev::_event_offsets");
  return op.call(keys, num_events);
}

at::Tensor event_offsets_meta(const at::Tensor& keys, c10::SymInt num_events) { return at::empty_symint({num_events + 1}, keys.options()); }

at::Tensor to_voxels_composite(const at::Tensor& x, const at::Tensor& order, const at::Tensor& offsets, std::string_view duplicates) {
  return to_voxels(x, {{}, order, offsets, {}}, duplicates_from(duplicates));
}

}  // namespace

const std::vector<std::string>& duplicates_names() {
  static const std::vector<std::string> names{"error", "first", "sum", "mean"};  // in the order of Duplicates
  return names;
}

Duplicates duplicates_from(std::string_view name) {
  const auto& names = duplicates_names();
  const auto found = std::find(names.begin(), names.end(), name);
  TEV_CHECK(found != names.end(), kWhere, ": duplicates is '", name, "' (known: ", join_names(names), ").", suggest_name(std::string(name), names));
  return static_cast<Duplicates>(found - names.begin());
}

VoxelIndex voxel_index(const at::Tensor& coords, Duplicates duplicates) {
  if (portable_mode()) {
    check_coords(coords);
    return voxel_index_portable(coords, duplicates);
  }
  static const auto op = operator_handle<Tensors(const at::Tensor&, std::string_view)>("tev::voxel_index");
  const auto [keys, order, offsets, inverse] = op.call(coords, duplicates_names()[static_cast<size_t>(duplicates)]);
  return {keys, order, offsets, inverse};
}

at::Tensor to_voxels(const at::Tensor& x, const VoxelIndex& index, Duplicates duplicates) {
  TEV_CHECK(x.dim() >= 1 && x.sym_size(0) == index.order.sym_size(0), "tev::to_voxels: x has shape ", x.sym_sizes(), " (",
            index.order.sym_size(0), " rows were expected, one a row of coords).");
  if (duplicates == Duplicates::error) {
    TEV_CHECK(index.offsets.sym_size(0) == index.order.sym_size(0) + 1, "tev::to_voxels: ", index.order.sym_size(0), " rows are ",
              index.offsets.sym_size(0) - 1, " voxels (as many were expected). Say duplicates 'sum', 'mean' or 'first', as to tev::voxel_index.");
    return x.index_select(0, index.order);
  }
  if (duplicates == Duplicates::first) return x.index_select(0, index.order.index_select(0, index.offsets.slice(0, 0, -1)));
  return segment_reduce(x.index_select(0, index.order), index.offsets,
                        duplicates == Duplicates::sum ? SegmentReduction::sum : SegmentReduction::mean);
}

// ATen only, on any device: it is called once a batch, for pictures and for tests.
at::Tensor voxel_coords(const at::Tensor& keys) {
  check_keys("tev::voxel_coords", keys);
  const auto field = [&](int bits) { return keys.bitwise_right_shift(bits).bitwise_and(0xffff); };
  return at::stack({field(48).bitwise_xor(0x8000), field(32) - 0x8000, field(16) - 0x8000, field(0) - 0x8000}, 1).to(at::kInt);
}

at::Tensor event_offsets(const at::Tensor& keys, int64_t num_events) {
  if (portable_mode()) return event_offsets_portable(keys, at::arange(num_events, keys.options()));
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, c10::SymInt)>("tev::event_offsets");
  return op.call(keys, num_events);
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("voxel_index(Tensor coords, str duplicates=\"error\") -> (Tensor keys, Tensor order, Tensor offsets, Tensor inverse)");
  m.def("_voxel_index(Tensor coords) -> (Tensor keys, Tensor order, Tensor offsets, Tensor inverse)");
  m.def("to_voxels(Tensor x, Tensor order, Tensor offsets, str duplicates=\"error\") -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("voxel_coords(Tensor keys) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("event_offsets(Tensor keys, SymInt num_events) -> Tensor", {at::Tag::pt2_compliant_tag});
  m.def("_event_offsets(Tensor keys, SymInt num_events) -> Tensor", {at::Tag::pt2_compliant_tag});
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("voxel_index", voxel_index_composite);
  m.impl("to_voxels", to_voxels_composite);
  m.impl("voxel_coords", voxel_coords);
  m.impl("event_offsets", event_offsets_composite);
}

TORCH_LIBRARY_IMPL(tev, Meta, m) { m.impl("_event_offsets", event_offsets_meta); }

}  // namespace tev
