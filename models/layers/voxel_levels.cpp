#include "models/layers/voxel_levels.hpp"

#include "base/check.hpp"
#include "base/portable.hpp"
#include "models/model.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/repeat_interleave.h>

namespace tev {

ConvolutionWay::ConvolutionWay(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape) {
  if (portable_mode()) {
    table_ = kernel_table_portable(inputs, outputs, shape, false);
    if (!shape.mirrors() || !inputs.is_same(outputs)) reverse_table_ = kernel_table_portable(outputs, inputs, shape, true);
  } else {
    maps_ = convolution_maps(inputs, outputs, shape);
  }
}

ConvolutionWay ConvolutionWay::reversed() const {
  ConvolutionWay back;
  back.table_ = reverse_table_;
  back.reverse_table_ = table_;
  if (maps_.reverse) back.maps_ = {*maps_.reverse, maps_.forward};
  return back;
}

at::Tensor ConvolutionWay::convolve(const at::Tensor& x_NCi, const at::Tensor& weight, const ConvolutionFusion& fusion) const {
  return table_.defined() ? sparse_conv_portable(x_NCi, weight, {}, table_, fusion) : sparse_conv(x_NCi, weight, {}, maps_, fusion);
}

VoxelLevels::VoxelLevels(const at::Tensor& coords_N4, int64_t num_levels, Duplicates duplicates) : duplicates_(duplicates) {
  try {
    index_ = voxel_index(coords_N4, duplicates);
  } catch (const DuplicateVoxel& error) {
    const at::Tensor c = coords_N4[error.row].cpu();
    throw EventError(c10::str("model.coordinates: two rows are at x ", c[1].item<int>(), ", y ", c[2].item<int>(), ", z ", c[3].item<int>(),
                              " (one was expected). Set model.duplicates to sum, mean or first, or remove one."),
                     c[0].item<int64_t>());
  }
  const ConvolutionShape neighbours, halves{{2, 2, 2}, {2, 2, 2}};
  at::Tensor keys = index_.keys;
  for (int64_t level = 0; level < num_levels; ++level) {
    keys_.push_back(keys);
    submanifold_.emplace_back(keys, keys, neighbours);
    if (level + 1 == num_levels) break;
    const at::Tensor coarse = coarse_voxels(keys, halves);
    down_.emplace_back(keys, coarse, halves);
    up_.push_back(down_.back().reversed());
    keys = coarse;
  }
}

at::Tensor VoxelLevels::to_voxels(const at::Tensor& x_NC) const { return tev::to_voxels(x_NC, index_, duplicates_); }

at::Tensor VoxelLevels::event_offsets(int64_t level, const at::Tensor& rows) const {
  // In every mode: tev::event_offsets takes the number of events as an int, which a trace would bake in.
  return event_offsets_portable(keys_[static_cast<size_t>(level)], rows.slice(0, 1));
}

at::Tensor VoxelLevels::to_rows(const at::Tensor& y_MC) const { return y_MC.index_select(0, index_.inverse); }

at::Tensor event_coords(const at::Tensor& rows_N3, const at::Tensor& offsets) {
  const at::Tensor event_N = at::repeat_interleave(offsets.diff());
  return at::cat({event_N.unsqueeze(1), rows_N3.to(at::kLong)}, 1).to(at::kInt);
}

}  // namespace tev
