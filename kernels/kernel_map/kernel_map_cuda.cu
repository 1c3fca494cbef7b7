#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/unique_dim.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "base/launch.cuh"
#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/kernel_map/kernel_map_backend.hpp"
#include "kernels/kernel_map/map_from_table.hpp"

namespace tev {
namespace {

using namespace kernel_map_math;

/// Element i = output * taps + tap of a table: the input that the tap reaches, or -1.
struct FindInput {
  Kernel kernel;
  const int64_t* inputs;   // [N] rising
  int64_t num_inputs;
  const int64_t* outputs;  // [M]
  int64_t num_taps;
  int32_t* table;          // [M, taps]

  __device__ void operator()(int64_t i) const {
    table[i] = -1;
    const auto tap = static_cast<int32_t>(i % num_taps);
    voxel_key::Fields at = voxel_key::unpack(outputs[i / num_taps]);
    if (!kernel.x.input_of(at.x, tap / (kernel.y.size * kernel.z.size), at.x) || !kernel.y.input_of(at.y, tap / kernel.z.size % kernel.y.size, at.y) ||
        !kernel.z.input_of(at.z, tap % kernel.z.size, at.z))
      return;
    const int64_t key = voxel_key::pack(at);
    int64_t begin = 0, end = num_inputs;
    while (begin < end) {
      const int64_t middle = begin + (end - begin) / 2;
      if (inputs[middle] < key) begin = middle + 1;
      else end = middle;
    }
    if (begin < num_inputs && inputs[begin] == key) table[i] = static_cast<int32_t>(begin);
  }
};

KernelMapTensors kernel_map_cuda(const at::Tensor& inputs_any, const at::Tensor& outputs_any, at::IntArrayRef size, at::IntArrayRef stride,
                                 at::IntArrayRef dilation, bool transposed) {
  const at::Tensor inputs = inputs_any.contiguous(), outputs = outputs_any.contiguous();
  const Kernel kernel = kernel_of(size, stride, dilation, transposed);
  const at::Tensor table = at::empty({outputs.numel(), kernel.num_taps()}, outputs.options().dtype(at::kInt));
  launch_for_each("tev::kernel_map", outputs.device(), table.numel(),
                  FindInput{kernel, inputs.const_data_ptr<int64_t>(), inputs.numel(), outputs.const_data_ptr<int64_t>(), kernel.num_taps(),
                            table.mutable_data_ptr<int32_t>()});
  return map_from_table(table, inputs.numel());
}

at::Tensor coarse_voxels_cuda(const at::Tensor& fine, at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef dilation) {
  ConvolutionShape shape;
  for (size_t i = 0; i < 3; ++i) {
    shape.size[i] = size[i];
    shape.stride[i] = stride[i];
    shape.dilation[i] = dilation[i];
  }
  return coarse_voxels_portable(fine, shape);
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_kernel_map", kernel_map_cuda);
  m.impl("_coarse_voxels", coarse_voxels_cuda);
}

}  // namespace tev
