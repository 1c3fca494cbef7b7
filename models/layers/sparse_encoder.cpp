#include "models/layers/sparse_encoder.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "base/portable.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"
#include "models/inputs.hpp"

#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <set>

namespace tev {
namespace {

constexpr int64_t kInputTaps = 27;
using voxel_key::least, voxel_key::most;

at::Tensor columns_of(const at::Tensor& values, const std::vector<int64_t>& columns) {
  std::vector<at::Tensor> each;
  for (const int64_t column : columns) each.push_back(values.select(1, column));
  return at::stack(each, 1);
}

/// @throws EventError  naming the first value that is no whole number of 16 bits
void check_places(const at::Tensor& place_N3, const at::Tensor& offsets, const VoxelColumns& columns) {
  const at::Tensor broken = place_N3.ne(place_N3.trunc()).logical_or(place_N3.lt(least)).logical_or(place_N3.gt(most));
  if (!broken.any().item<bool>()) return;
  const at::Tensor first = broken.nonzero()[0];
  const auto row = first[0].item<int64_t>(), axis = first[1].item<int64_t>();
  throw EventError(c10::str("model.coordinates: ", place_N3[row][axis].item<double>(), " in the column '",
                            columns.object.features[static_cast<size_t>(columns.coordinates[static_cast<size_t>(axis)])], "' of '", columns.object.name,
                            "' (whole numbers from -32768 to 32767 were expected). Change it in data.features, e.g. floor(x / 3)."),
                   offsets.slice(0, 1).le(row).sum().item<int64_t>());
}

}  // namespace

void SparseEncoderOptions::declare(Fields& fields) {
  fields.add("object", object, "The object whose rows are voxels; empty: the only one with rows");
  fields.add("coordinates", coordinates, "Three features of the object that are whole-numbered coordinates from -32768 to 32767, left raw by data.raw_features");
  fields.add("duplicates", duplicates, "Rows of one event with equal coordinates: an error, or one voxel of the first, the sum or the mean of their features")
      .one_of(duplicates_names());
  fields.add("filters", filters, "Channels of the finest level; level l has l + 1 times as many").at_least(1);
  fields.add("depth", depth, "Levels, each with voxels twice as wide").at_least(1).at_most(15);
  fields.add("reps", reps, "Residual blocks of a level on each way").at_least(1);
  fields.add("norm_momentum", blocks.norm_momentum, "Share of a batch in the running statistics of batch normalisation").above(0).at_most(1);
  fields.add("leak", blocks.leak, "Slope of the activation below zero").at_least(0).at_most(1);
}

VoxelColumns::VoxelColumns(const ObjectSpec& of, const std::vector<std::string>& names) : object(of), coordinates(feature_columns(of, names, "model.coordinates")) {
  TEV_CHECK_INPUT(std::set<std::string>(names.begin(), names.end()).size() == names.size(), "model.coordinates: a name is given twice (", join_names(names), ").");
  TEV_CHECK_INPUT(names.size() == 3, "model.coordinates: ", names.size(), " names (three were expected, of the features that are x, y, z). Write [x, y, z].");
  const auto& raw = object.raw_features;
  for (const auto& name : names)
    TEV_CHECK_INPUT(std::find(raw.begin(), raw.end(), name) != raw.end(), "model.coordinates: '", name, "' is standardised (voxels need whole numbers). Add ",
                    object.name, ".", name, " to data.raw_features.");
  for (int64_t i = 0; i < static_cast<int64_t>(object.features.size()); ++i)
    if (std::find(coordinates.begin(), coordinates.end(), i) == coordinates.end()) features.push_back(i);
  TEV_CHECK_INPUT(!features.empty(), "data.features.", object.name, ": coordinates alone (the network reads at least one more feature of a voxel). Add one, such as energy: energy.");
}

at::Tensor VoxelColumns::coords(const Column& rows) const {
  TEV_CHECK_INPUT(being_traced() || rows.offsets.size(0) <= voxel_key::num_events + 1, "train.batch_size: ", rows.offsets.size(0) - 1,
                  " events in a batch (a network of voxels takes at most ", voxel_key::num_events, "). Lower it.");
  at::Tensor place_N3 = columns_of(rows.values.detach(), coordinates);
  if (being_traced())  // into what voxel_index refuses
    place_N3 = at::where(place_N3.eq(place_N3.trunc()), place_N3, at::full_like(place_N3, most + 1)).clamp(least - 1, most + 1);
  else
    check_places(place_N3, rows.offsets, *this);
  return event_coords(place_N3, rows.offsets);
}

at::Tensor VoxelColumns::values(const Column& rows) const { return columns_of(rows.values, features); }

std::vector<SparseResidualBlock> add_sparse_blocks(torch::nn::Module& module, const std::string& name, int64_t in, int64_t out, const SparseEncoderOptions& options) {
  std::vector<SparseResidualBlock> blocks;
  for (int64_t i = 0; i < options.reps; ++i)
    blocks.push_back(module.register_module(c10::str(name, "_", i), SparseResidualBlock(i == 0 ? in : out, out, options.blocks)));
  return blocks;
}

SparseEncoderImpl::SparseEncoderImpl(int64_t features, const SparseEncoderOptions& options) : input_(kInputTaps, features, options.filters) {
  register_module("input", input_);
  for (int64_t level = 0; level < options.depth; ++level) {
    if (level > 0) down_.push_back(register_module(c10::str("down_", level), SparseStep(options.channels(level - 1), options.channels(level), false, options.blocks)));
    blocks_.push_back(add_sparse_blocks(*this, c10::str("level_", level), options.channels(level), options.channels(level), options));
  }
}

std::vector<at::Tensor> SparseEncoderImpl::forward(const at::Tensor& x_MC, const VoxelLevels& levels) {
  std::vector<at::Tensor> encoded;
  at::Tensor y_MC = input_(x_MC, levels.submanifold(0));
  for (size_t level = 0; level < blocks_.size(); ++level) {
    if (level > 0) y_MC = down_[level - 1](y_MC, levels.down(static_cast<int64_t>(level) - 1));
    for (auto& block : blocks_[level]) y_MC = block(y_MC, levels.submanifold(static_cast<int64_t>(level)));
    encoded.push_back(y_MC);
  }
  return encoded;
}

}  // namespace tev
