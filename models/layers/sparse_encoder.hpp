#pragma once
// The way down of sparse convolutional networks: residual blocks, and from level to level half the resolution.

#include "base/batch.hpp"
#include "base/data_spec.hpp"
#include "models/layers/sparse_blocks.hpp"
#include "models/model.hpp"

#include <string>
#include <vector>

namespace tev {

/// Keys that sparse networks share.
struct SparseEncoderOptions : ModelOptions {
  std::string object;
  std::vector<std::string> coordinates = {"x", "y", "z"};
  std::string duplicates = "error";
  int64_t filters = 32, depth = 5, reps = 2;
  SparseBlockOptions blocks;

  void declare(Fields& fields) override;
  /// Channels of a level.
  int64_t channels(int64_t level) const { return (level + 1) * filters; }
};

/// The features of an object that are coordinates, and the others.
struct VoxelColumns {
  /// @throws InputError for coordinates that are not there, or are standardised, or no other feature
  VoxelColumns(const ObjectSpec& object, const std::vector<std::string>& coordinates);

  /// @param rows  values [N, features] with offsets
  /// @return      [N, 4] int32 (event, x, y, z)
  /// @throws EventError a coordinate that is no whole number of 16 bits; InputError more than 65,536 events. What is traced makes
  ///         such a coordinate one that voxel_index refuses: 32768 or -32769
  at::Tensor coords(const Column& rows) const;
  /// @return  [N, features.size()]
  at::Tensor values(const Column& rows) const;

  ObjectSpec object;
  std::vector<int64_t> coordinates, features;
};

/// An input convolution, then at level l, of voxels 2^l as wide, `reps` residual blocks of (l + 1) * filters channels.
/// @source Graham et al. 2018 (arXiv:1711.10275); SPINE, spine/model/layer/cnn/uresnet_layers.py
class SparseEncoderImpl : public torch::nn::Module {
 public:
  SparseEncoderImpl(int64_t features, const SparseEncoderOptions& options);

  /// @param x_MC  [M, features] of the voxels of level 0
  /// @return      the features of every level, the finest first
  std::vector<at::Tensor> forward(const at::Tensor& x_MC, const VoxelLevels& levels);

 private:
  SparseConvLayer input_;
  std::vector<std::vector<SparseResidualBlock>> blocks_;
  std::vector<SparseStep> down_;
};
TORCH_MODULE(SparseEncoder);

/// `reps` residual blocks, registered as <name>_0, <name>_1, ...
std::vector<SparseResidualBlock> add_sparse_blocks(torch::nn::Module& module, const std::string& name, int64_t in, int64_t out, const SparseEncoderOptions& options);

}  // namespace tev
