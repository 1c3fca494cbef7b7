#pragma once
// Sparse convolution over a kernel map: submanifold, strided, dilated or transposed, as the map says.

#include <ATen/core/Tensor.h>

#include "kernels/kernel_map/kernel_map.hpp"

namespace tev {

/// out[o] = bias + sum over the taps t that join o with an input i of x[i] * weight[t].
///
/// Always the same bits: an output adds up tap after tap and channel after channel by fused multiply-adds, a gradient of weights
/// pair after pair within fixed blocks of outputs, for any number of threads and any instruction set. Half types accumulate in fp32;
/// gradients of weights are fp32 where the weights are. An output that no tap joins gets the bias. Derivatives of every order exist.
/// @param x       [N, in channels] f16|bf16|f32|f64, CPU or CUDA, any strides
/// @param weight  [taps, in channels, out channels], dtype of x, or f32 where x is a half type. Taps as in ConvolutionShape
/// @param bias    [out channels], dtype of weight, or undefined
/// @param maps    of convolution_maps, on the device of x
/// @return        [M, out channels], dtype and device of x
/// @throws        tev::Error on wrong shapes, dtypes, devices; on the CPU also for maps that name voxels that are not there,
///                and, in the backward, for a map without a reverse that does not mirror
/// @stream        current stream; does not synchronise
at::Tensor sparse_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const ConvolutionMaps& maps);

/// The portable form, over a table of kernel_table_portable.
/// @param table  [M, taps] int64: the input of each tap, or -1
at::Tensor sparse_conv_portable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& table);

}  // namespace tev
