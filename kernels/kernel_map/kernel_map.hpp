#pragma once
// Which voxels a convolution joins: built once for a geometry, used by every layer of that geometry, forward and backward.

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <vector>

namespace tev {

/// Size, stride and dilation of a kernel along x, y, z. A tap t of it joins fine and coarse voxels with
///   fine = stride * coarse + dilation * t - floor(dilation * (size - 1) / 2)     (the relation of fVDB)
/// axis by axis, within one event. Taps are numbered (tx * size_y + ty) * size_z + tz.
struct ConvolutionShape {
  std::array<int64_t, 3> size{3, 3, 3}, stride{1, 1, 1}, dilation{1, 1, 1};

  int64_t num_taps() const { return size[0] * size[1] * size[2]; }
  /// Whether the map of a set of voxels onto itself is its own reverse when its taps are taken from last to first.
  bool mirrors() const;
};

/// The pairs (input voxel, tap, output voxel) of a convolution, in the order (tile, tap, output): a tile is 128 consecutive outputs.
/// Inputs are named by their place in the list of all inputs that the tile needs, its halo.
struct KernelMap {
  at::Tensor pairs;         ///< [P] int32: place in the halo * 128 + output within the tile
  at::Tensor tap_offsets;   ///< [tiles * taps + 1] int64 into pairs
  at::Tensor halo;          ///< [H] int32, input voxels, rising within a tile
  at::Tensor halo_offsets;  ///< [tiles + 1] int64 into halo
  at::Tensor mask;          ///< [outputs, ceil(taps / 32)] int32: bit t % 32 of word t / 32 says whether the output has tap t

  std::vector<at::Tensor> tensors() const { return {pairs, tap_offsets, halo, halo_offsets, mask}; }
};

/// @param inputs, outputs  keys of voxel_index: [N] and [M] int64, rising, on one device
/// @param transposed       inputs are the coarse voxels and outputs the fine ones, else the other way round
/// @return                 equal on CPU and CUDA, whatever the number of threads. No voxels give no pairs
/// @throws tev::Error on wrong dtypes or shapes, sizes, strides or dilations below 1, more than 2^17 taps, keys that do not rise (CPU), and under
///                    PortableGuard: there is no map, but a table
/// @stream current stream; synchronises, as the number of pairs has to be known
KernelMap kernel_map(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed = false);

/// A map and that of its reverse, whose inputs and outputs are exchanged: what a convolution and the gradient of its features go over. The map of
/// voxels onto themselves whose shape mirrors() is its own reverse, with its taps from last to first: `reverse` stays empty.
struct ConvolutionMaps {
  KernelMap forward;
  std::optional<KernelMap> reverse;
};

/// Arguments as of kernel_map. In Python `tev::convolution_maps`, whose reverse is an empty list then.
ConvolutionMaps convolution_maps(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed = false);

/// The coarse voxels that any tap joins with one of the fine ones.
/// @param fine  [N] int64, rising
/// @return      [M] int64, rising
/// @throws      tev::Error as kernel_map
at::Tensor coarse_voxels(const at::Tensor& fine, const ConvolutionShape& shape);

/// The portable forms. The map is a table, [outputs, taps] int64: the input voxel, or -1.
at::Tensor kernel_table_portable(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed);
at::Tensor coarse_voxels_portable(const at::Tensor& fine, const ConvolutionShape& shape);

}  // namespace tev
