#pragma once
// The one place where CUDA kernels are launched: the only <<< >>> of the repository.

#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAContextLight.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <utility>

namespace tev {

/// Shape of a launch.
struct LaunchShape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;
};

/// A named range on the profiler's time line.
class NvtxRange {
 public:
  explicit NvtxRange(const char* name) { nvtxRangePushA(name); }
  ~NvtxRange() { nvtxRangePop(); }
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

/// Launches a kernel on the device of a tensor.
/// @param name    of the profiler range, a literal such as "tev::segment_reduce"
/// @param device  the CUDA device of the tensors that the kernel touches
/// @stream        current stream of that device; does not synchronise
/// @throws        c10::Error if the launch is refused; an empty grid launches nothing
template <class Kernel, class... Arguments>
void launch(const char* name, c10::Device device, const LaunchShape& shape, Kernel kernel, Arguments&&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  const c10::cuda::CUDAGuard guard(device);
  const NvtxRange range(name);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(device.index()).stream();
  kernel<<<shape.grid, shape.block, shape.shared_bytes, stream>>>(std::forward<Arguments>(arguments)...);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

/// body(i) for each i of [0, count), one thread an index; the stride keeps every index when the grid is at its limit.
template <class Body>
__global__ void for_each_kernel(int64_t count, Body body) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) body(i);
}

/// Runs body(i) for each i of [0, count) on a device, in any order.
/// @param body  a small functor, copied to the device, with `__device__ void operator()(int64_t i) const`
/// @stream      as launch()
template <class Body>
void launch_for_each(const char* name, c10::Device device, int64_t count, const Body& body) {
  constexpr int64_t block = 256;
  constexpr int64_t largest_grid = 1 << 24;
  const int64_t grid = std::min((count + block - 1) / block, largest_grid);
  launch(name, device, {dim3(static_cast<unsigned>(grid)), dim3(block)}, for_each_kernel<Body>, count, body);
}

}  // namespace tev
