#pragma once
// The voxels of a batch at every resolution of a network, and the ways of convolutions between them.

#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/voxel_index/voxel_index.hpp"

#include <vector>

namespace tev {

/// Which voxels a convolution joins: the maps of sparse_conv or, in portable mode, the table of its portable form.
class ConvolutionWay {
 public:
  ConvolutionWay() = default;
  /// Arguments as of convolution_maps.
  ConvolutionWay(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape);
  /// The way back: what transposed convolutions go.
  ConvolutionWay reversed() const;

  /// @param x_NCi   features of the inputs
  /// @param weight  [taps, Ci, Co]
  /// @param fusion  what to do on the way
  /// @return        [M, Co]
  at::Tensor convolve(const at::Tensor& x_NCi, const at::Tensor& weight, const ConvolutionFusion& fusion) const;

 private:
  ConvolutionMaps maps_;
  at::Tensor table_, reverse_table_;
};

/// The voxels of level 0 are those of the batch, in canonical order; a voxel of level l + 1 has 2 x 2 x 2 of level l. All ways are built once and
/// shared by every layer.
class VoxelLevels {
 public:
  /// @param coords_N4   [N, 4] int32 (event, x, y, z)
  /// @param num_levels  at least 1
  /// @param duplicates  what happens to rows with equal coordinates
  /// @throws EventError  two rows of one voxel, under Duplicates::error
  VoxelLevels(const at::Tensor& coords_N4, int64_t num_levels, Duplicates duplicates);

  /// Features of the batch's rows as those of the voxels of level 0, and back.
  at::Tensor to_voxels(const at::Tensor& x_NC) const;
  at::Tensor to_rows(const at::Tensor& y_MC) const;

  /// Where the voxels of each event begin in a level.
  /// @param rows  [B+1] int64, where its rows begin in the batch
  /// @return      [B+1] int64
  at::Tensor event_offsets(int64_t level, const at::Tensor& rows) const;

  /// 3 x 3 x 3, of a level onto itself.
  const ConvolutionWay& submanifold(int64_t level) const { return submanifold_[static_cast<size_t>(level)]; }
  /// From a level to the next coarser one, and back.
  const ConvolutionWay& down(int64_t level) const { return down_[static_cast<size_t>(level)]; }
  const ConvolutionWay& up(int64_t level) const { return up_[static_cast<size_t>(level)]; }

 private:
  Duplicates duplicates_;
  VoxelIndex index_;
  std::vector<at::Tensor> keys_;
  std::vector<ConvolutionWay> submanifold_, down_, up_;
};

/// @param rows_N3   coordinates of rows, of any real type
/// @param offsets   [B+1] int64, the rows of each event
/// @return          [N, 4] int32 (event, x, y, z)
at::Tensor event_coords(const at::Tensor& rows_N3, const at::Tensor& offsets);

}  // namespace tev
