#include "models/sparse_resnet/sparse_resnet.hpp"

#include "kernels/segment_reduce/segment_reduce.hpp"
#include "models/inputs.hpp"

namespace tev {

void SparseResnetOptions::declare(Fields& fields) {
  fields.add("object", object, "The object whose rows are voxels; empty: the only one with rows");
  encoder.declare(fields);
}

SparseResnetImpl::SparseResnetImpl(const SparseResnetOptions& options, const DataSpec& spec)
    : columns_(ragged_object(spec, options.object), options.encoder.coordinates), duplicates_(duplicates_from(options.encoder.duplicates)),
      depth_(options.encoder.depth), encoder_(static_cast<int64_t>(columns_.features.size()), options.encoder),
      norm_(options.encoder.channels(depth_ - 1), options.encoder.blocks.norm_momentum, options.encoder.blocks.leak),
      output_(options.encoder.channels(depth_ - 1), class_count(spec)) {
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
