#pragma once
// Sparse convolution over a kernel map: submanifold, strided, dilated or transposed, as the map says.

#include <ATen/core/Tensor.h>

#include "kernels/kernel_map/kernel_map.hpp"

namespace tev {

/// What a convolution does on its way, without storing it: its taps see h = leaky_relu(x * scale + shift) in place of x, as in a block whose
/// normalisation and activation stand before the convolution; and `residual` is added to the output.
///
/// The backward computes h again, in fp32 or wider. Forward and backward of 50,000 voxels and 32 to 96 channels take 0.73 to 0.92 of the time of the
/// parts and 0.64 to 0.71 of their memory (benchmarks/results/kernels/2026-11-27-sparse_conv.jsonl).
struct ConvolutionFusion {
  at::Tensor scale, shift;    ///< [in channels] f32, or f64 where x is; both or none
  double negative_slope = 1;  ///< of the leaky ReLU: 1 is none
  at::Tensor residual;        ///< [M, out channels], dtype of x, or undefined
};

/// out[o] = bias + sum over the taps t that join o with an input i of x[i] * weight[t].
///
/// Always the same bits: an output adds up tap after tap and channel after channel by fused multiply-adds, a gradient of weights
/// pair after pair within fixed blocks of outputs, for any number of threads and any instruction set. Half types accumulate in fp32;
/// gradients of weights are fp32 where the weights are; autocast rounds features alone. An output that no tap joins gets the bias. Derivatives of every order exist.
/// @param x       [N, in channels] f16|bf16|f32|f64, CPU or CUDA, any strides
/// @param weight  [taps, in channels, out channels], dtype of x, or f32 where x is a half type. Taps as in ConvolutionShape
/// @param bias    [out channels], dtype of weight, or undefined
/// @param maps    of convolution_maps, on the device of x
/// @param fusion  what to do before and after. The gradients of scale and shift have the same bits always, too
/// @return        [M, out channels], dtype and device of x
/// @throws        tev::Error on wrong shapes, dtypes, devices; on the CPU also for maps that name voxels that are not there,
///                and, in the backward, for a map without a reverse that does not mirror. Under PortableGuard: there is no map
/// @stream        current stream; does not synchronise
at::Tensor sparse_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const ConvolutionMaps& maps,
                       const ConvolutionFusion& fusion = {});

/// The portable form, over a table of kernel_table_portable.
/// @param table  [M, taps] int64: the input of each tap, or -1
at::Tensor sparse_conv_portable(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& table,
                                const ConvolutionFusion& fusion = {});

}  // namespace tev
