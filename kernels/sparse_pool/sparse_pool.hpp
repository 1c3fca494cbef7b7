#pragma once
// Pooling of voxels over a kernel map: what a tap joins is reduced instead of multiplied.
// Whole events are pooled by segment_reduce over event_offsets (kernels/voxel_index/voxel_index.hpp).

#include <ATen/core/Tensor.h>

#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"

namespace tev {

/// Sum, mean, maximum or minimum over the inputs that taps join with an output, channel by channel.
///
/// The mean is over the inputs that are there. Always the same bits: an output takes its inputs tap after tap, and an input the gradients of its
/// outputs in the order of the reverse map, for any number of threads and any instruction set. Half types accumulate in fp32. Of equal maxima the one
/// of the lowest tap wins, a NaN wins over numbers; max and min send the gradient to the winning input alone. An output that no tap joins gives 0
/// and passes no gradient. Derivatives of every order exist.
/// @param x     [N, channels] f16|bf16|f32|f64, CPU or CUDA, any strides
/// @param maps  of convolution_maps, on the device of x
/// @return      [M, channels], dtype and device of x
/// @throws      tev::Error on wrong shapes, dtypes, devices; on the CPU also for maps that name voxels that are not there,
///              and, in the backward, for a map without a reverse that does not mirror
/// @stream      current stream; does not synchronise
at::Tensor sparse_pool(const at::Tensor& x, const ConvolutionMaps& maps, SegmentReduction reduction);

/// The portable form, over a table of kernel_table_portable. The gradient of tied maxima is shared among them.
/// @param table  [M, taps] int64: the input of each tap, or -1
at::Tensor sparse_pool_portable(const at::Tensor& x, const at::Tensor& table, SegmentReduction reduction);

}  // namespace tev
