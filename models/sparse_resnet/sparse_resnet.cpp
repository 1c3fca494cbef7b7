#include "models/sparse_resnet/sparse_resnet.hpp"

#include "kernels/segment_reduce/segment_reduce.hpp"
#include "models/inputs.hpp"

namespace tev {

SparseResnetImpl::SparseResnetImpl(const SparseResnetOptions& options, const DataSpec& spec)
    : columns_(ragged_object(spec, options.object), options.coordinates), duplicates_(duplicates_from(options.duplicates)),
      depth_(options.depth), encoder_(static_cast<int64_t>(columns_.features.size()), options),
      norm_(options.channels(depth_ - 1), options.blocks.norm_momentum, options.blocks.leak),
      output_(options.channels(depth_ - 1), class_count(spec)) {
  register_module("encoder", encoder_);
  register_module("norm", norm_);
  register_module("output", output_);
}

at::Tensor SparseResnetImpl::forward(const Columns& inputs) {
  const Column& rows = column_of(inputs, columns_.object);
  const VoxelLevels levels(columns_.coords(rows), depth_, duplicates_);
  const at::Tensor y_MC = norm_(encoder_(levels.to_voxels(columns_.values(rows)), levels).back());
  return output_(segment_reduce(y_MC, levels.event_offsets(depth_ - 1, rows.offsets), SegmentReduction::mean));
}

}  // namespace tev
