#include "models/sparse_uresnet/sparse_uresnet.hpp"

#include "models/inputs.hpp"

#include <ATen/ops/cat.h>

namespace tev {

SparseUresnetImpl::SparseUresnetImpl(const SparseUresnetOptions& options, const DataSpec& spec)
    : columns_(ragged_object(spec, options.object), options.coordinates), duplicates_(duplicates_from(options.duplicates)),
      depth_(options.depth), encoder_(static_cast<int64_t>(columns_.features.size()), options),
      norm_(options.filters, options.blocks.norm_momentum, options.blocks.leak),
      output_(options.filters, class_count(spec, columns_.object.name)) {
  register_module("encoder", encoder_);
  const auto channels = [&](int64_t level) { return options.channels(level); };
  for (int64_t level = 0; level + 1 < depth_; ++level) {
    up_.push_back(register_module(c10::str("up_", level), SparseStep(channels(level + 1), channels(level), true, options.blocks)));
    decoder_.push_back(add_sparse_blocks(*this, c10::str("decoder_", level), 2 * channels(level), channels(level), options));
  }
  register_module("norm", norm_);
  register_module("output", output_);
}

at::Tensor SparseUresnetImpl::forward(const Columns& inputs) {
  const Column& rows = column_of(inputs, columns_.object);
  const VoxelLevels levels(columns_.coords(rows), depth_, duplicates_);
  const auto encoded = encoder_(levels.to_voxels(columns_.values(rows)), levels);
  at::Tensor y_MC = encoded.back();
  for (int64_t level = depth_ - 2; level >= 0; --level) {
    const auto i = static_cast<size_t>(level);
    y_MC = at::cat({encoded[i], up_[i](y_MC, levels.up(level))}, 1);
    for (auto& block : decoder_[i]) y_MC = block(y_MC, levels.submanifold(level));
  }
  return levels.to_rows(output_(norm_(y_MC)));
}

}  // namespace tev
