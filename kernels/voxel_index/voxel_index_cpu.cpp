#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <numeric>
#include <tuple>

#include "base/check.hpp"
#include "kernels/radix_order.hpp"
#include "kernels/voxel_index/voxel_index.hpp"

namespace tev {
namespace {

using voxel_key::Fields;

Fields fields_of(const int32_t* c) { return {c[0], c[1] - voxel_key::least, c[2] - voxel_key::least, c[3] - voxel_key::least}; }

/// The caller's rows with their keys.
struct Rows {
  std::vector<int64_t> keys;
  FieldRange range{};
  bool rising = true;  ///< already in canonical order, no voxel twice
};

Rows read_rows(const at::Tensor& coords) {
  const auto* c = coords.const_data_ptr<int32_t>();
  Rows rows{std::vector<int64_t>(static_cast<size_t>(coords.size(0)))};
  for (size_t i = 0; i < rows.keys.size(); ++i, c += 4) {
    TEV_CHECK(voxel_key::in_range(c[0], c[1], c[2], c[3]), "tev::voxel_index: row ", i, " of coords is event ", c[0], ", x ", c[1], ", y ",
              c[2], ", z ", c[3], " (events 0 to ", voxel_key::num_events - 1, " and whole x, y, z from ", voxel_key::least, " to ",
              voxel_key::most, " were expected).");
    const Fields fields = fields_of(c);
    rows.keys[i] = voxel_key::pack(fields);
    rows.range.add(fields);
    rows.rising &= i == 0 || rows.keys[i - 1] < rows.keys[i];
  }
  return rows;
}

at::Tensor tensor_of(const std::vector<int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> voxel_index_cpu(const at::Tensor& coords_any) {
  const at::Tensor coords = coords_any.contiguous();
  const int64_t num_rows = coords.size(0);
  const Rows rows = read_rows(coords);
  if (rows.rising) {
    const at::Tensor all = at::arange(num_rows + 1, at::kLong);
    return {tensor_of(rows.keys), all.slice(0, 0, num_rows).clone(), all, all.slice(0, 0, num_rows).clone()};
  }
  const DenseKeys dense = rows.range.keys();
  std::vector<uint64_t> sorted(rows.keys.size());
  for (size_t i = 0; i < sorted.size(); ++i) sorted[i] = dense.pack(voxel_key::unpack(rows.keys[i]));
  std::vector<int32_t> order(sorted.size());
  std::iota(order.begin(), order.end(), 0);
  radix_sort(sorted, order, dense.num_bits());

  at::Tensor order_out = at::empty({num_rows}, at::kLong), inverse = at::empty({num_rows}, at::kLong);
  auto* order_of = order_out.mutable_data_ptr<int64_t>();
  auto* voxel_of = inverse.mutable_data_ptr<int64_t>();
  std::vector<int64_t> keys, offsets;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i] != sorted[i - 1]) {
      keys.push_back(rows.keys[order[i]]);
      offsets.push_back(static_cast<int64_t>(i));
    }
    order_of[i] = order[i];
    voxel_of[order[i]] = static_cast<int64_t>(keys.size()) - 1;
  }
  offsets.push_back(num_rows);
  return {tensor_of(keys), order_out, tensor_of(offsets), inverse};
}

at::Tensor event_offsets_cpu(const at::Tensor& keys_any, int64_t num_events) {
  const at::Tensor keys = keys_any.contiguous();
  const auto* key = keys.const_data_ptr<int64_t>();
  const int64_t num_keys = keys.numel();
  for (int64_t i = 1; i < num_keys; ++i)
    TEV_CHECK(key[i - 1] < key[i], "tev::event_offsets: keys do not rise at position ", i, " (keys of tev::voxel_index were expected).");
  const int32_t last = num_keys == 0 ? -1 : voxel_key::unpack(key[num_keys - 1]).event;
  TEV_CHECK(last < num_events, "tev::event_offsets: there is a voxel of event ", last, " (events 0 to ", num_events - 1, " were expected, as num_events is ",
            num_events, ").");
  return event_offsets_portable(keys, at::arange(num_events, at::kLong));
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) {
  m.impl("_voxel_index", voxel_index_cpu);
  m.impl("_event_offsets", event_offsets_cpu);
}

}  // namespace tev
