#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <torch/library.h>

#include <tuple>

#include "base/check.hpp"
#include "base/launch.cuh"
#include "kernels/voxel_index/voxel_index.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev {
namespace {

/// Whether each row can be named by a key.
struct CheckRow {
  const int32_t* coords;  // [N, 4]
  bool* in_range;         // [N]

  __device__ void operator()(int64_t row) const {
    const int32_t* c = coords + 4 * row;
    in_range[row] = voxel_key::in_range(c[0], c[1], c[2], c[3]);
  }
};

void check_range(const at::Tensor& coords) {
  const at::Tensor in_range = at::empty({coords.size(0)}, coords.options().dtype(at::kBool));
  launch_for_each("tev::voxel_index", coords.device(), coords.size(0), CheckRow{coords.const_data_ptr<int32_t>(), in_range.mutable_data_ptr<bool>()});
  if (in_range.all().item<bool>()) return;
  const int64_t row = in_range.logical_not().nonzero()[0][0].item<int64_t>();
  const at::Tensor c = coords[row].cpu();
  TEV_CHECK(false, "tev::voxel_index: row ", row, " of coords is event ", c[0].item<int>(), ", x ", c[1].item<int>(), ", y ", c[2].item<int>(), ", z ",
            c[3].item<int>(), " (events 0 to ", voxel_key::num_events - 1, " and whole x, y, z from ", voxel_key::least, " to ", voxel_key::most, " were expected).");
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> voxel_index_cuda(const at::Tensor& coords_any) {
  const at::Tensor coords = coords_any.contiguous();
  check_range(coords);
  const VoxelIndex index = voxel_index_portable(coords, Duplicates::first);  // the caller looks for duplicates
  return {index.keys, index.order, index.offsets, index.inverse};
}

at::Tensor event_offsets_cuda(const at::Tensor& keys, int64_t num_events) { return event_offsets_portable(keys, at::arange(num_events, keys.options())); }

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_voxel_index", voxel_index_cuda);
  m.impl("_event_offsets", event_offsets_cuda);
}

}  // namespace tev
