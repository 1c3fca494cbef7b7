#pragma once
// Voxels as a dense grid, and back.

#include <ATen/core/Tensor.h>

#include <array>

namespace tev {

/// The part of space that a grid covers: x from origin[0] to origin[0] + size[0] - 1, and so on.
struct GridBox {
  std::array<int64_t, 3> origin{0, 0, 0}, size{1, 1, 1};
};

/// Features of voxels in their places of a dense grid, 0 where there is no voxel. Its adjoint, and so its gradient, is from_dense.
/// @param x           [M, channels] f16|bf16|f32|f64, CPU or CUDA, any strides
/// @param keys        [M] int64, of voxel_index, on the device of x
/// @param num_events  of the batch, 0 to 65536
/// @return            [num_events, channels, size x, size y, size z], dtype and device of x
/// @throws            tev::Error on wrong shapes, dtypes, devices; on the CPU also for the first voxel outside the box or the batch. On CUDA and in the
///                    portable form values are not read back: such voxels are left out
/// @stream            current stream; does not synchronise
at::Tensor to_dense(const at::Tensor& x, const at::Tensor& keys, int64_t num_events, const GridBox& box);

/// What a dense grid holds in the places of voxels; 0 for those outside, where these are not an error.
/// @param dense   [events, channels, x, y, z] f16|bf16|f32|f64
/// @param origin  of the box, whose size is that of dense
/// @return        [M, channels], dtype and device of dense
/// @throws        as to_dense
at::Tensor from_dense(const at::Tensor& dense, const at::Tensor& keys, const std::array<int64_t, 3>& origin);

/// The portable forms.
at::Tensor to_dense_portable(const at::Tensor& x, const at::Tensor& keys, const c10::SymInt& num_events, const std::array<int64_t, 3>& origin, c10::SymIntArrayRef size);
at::Tensor from_dense_portable(const at::Tensor& dense, const at::Tensor& keys, const std::array<int64_t, 3>& origin);

}  // namespace tev
