#include "kernels/kernel_map/kernel_map.hpp"

#include <torch/library.h>

#include <limits>
#include <tuple>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/device_support.hpp"
#include "kernels/kernel_map/kernel_map_backend.hpp"
#include "kernels/operator_handle.hpp"

namespace tev {
namespace {

/// A pair's place in the halo of 128 rows has 25 bits.
constexpr int64_t kMostTaps = int64_t{1} << 17;
constexpr int64_t kMostExtent = 1 << 16;

void check_keys(const char* where, const char* name, const at::Tensor& keys) {
  TEV_CHECK(keys.scalar_type() == at::kLong && keys.dim() == 1, where, ": ", name, " is ", c10::toString(keys.scalar_type()), ' ',
            keys.sym_sizes(), " (int64 [N] was expected: keys of tev::voxel_index).");
  TEV_CHECK(keys.sym_size(0) < std::numeric_limits<int32_t>::max(), where, ": ", name, " has ", keys.sym_size(0),
            " voxels (fewer than 2^31 were expected). Take fewer events at a time.");
  check_device_support(where, keys.device());
}

void check_axes(const char* where, const char* name, at::IntArrayRef values) {
  TEV_CHECK(values.size() == 3, where, ": ", name, " has ", values.size(), " numbers (3 were expected: x, y, z).");
  for (const int64_t value : values)
    TEV_CHECK(value >= 1 && value <= kMostExtent, where, ": ", name, " is ", values, " (numbers from 1 to ", kMostExtent, " were expected).");
}

void check_shape(const char* where, at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef dilation) {
  check_axes(where, "size", size);
  check_axes(where, "stride", stride);
  check_axes(where, "dilation", dilation);
  int64_t taps = 1;
  for (const int64_t n : size) {
    taps *= n;
    TEV_CHECK(taps <= kMostTaps, where, ": size ", size, " has more than ", kMostTaps, " taps.");
  }
}

KernelMapTensors kernel_map_composite(const at::Tensor& inputs, const at::Tensor& outputs, at::IntArrayRef size, at::IntArrayRef stride,
                                      at::IntArrayRef dilation, bool transposed) {
  const char* where = "tev::kernel_map";
  check_keys(where, "inputs", inputs);
  check_keys(where, "outputs", outputs);
  TEV_CHECK(inputs.device() == outputs.device(), where, ": outputs is on ", outputs.device(), " (", inputs.device(), " was expected, where inputs is).");
  check_shape(where, size, stride, dilation);
  static const auto op = operator_handle<
      KernelMapTensors(const at::Tensor&, const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, bool)>("tev::_kernel_map");
  return op.call(inputs, outputs, size, stride, dilation, transposed);
}

at::Tensor coarse_voxels_composite(const at::Tensor& fine, at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef dilation) {
  check_keys("tev::coarse_voxels", "fine", fine);
  check_shape("tev::coarse_voxels", size, stride, dilation);
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef)>("tev::_coarse_voxels");
  return op.call(fine, size, stride, dilation);
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>> convolution_maps_composite(const at::Tensor& inputs, const at::Tensor& outputs, at::IntArrayRef size,
                                                                                        at::IntArrayRef stride, at::IntArrayRef dilation, bool transposed) {
  check_shape("tev::convolution_maps", size, stride, dilation);
  const auto axes = [](at::IntArrayRef values) { return std::array<int64_t, 3>{values[0], values[1], values[2]}; };
  const ConvolutionMaps maps = convolution_maps(inputs, outputs, {axes(size), axes(stride), axes(dilation)}, transposed);
  return {maps.forward.tensors(), maps.reverse ? maps.reverse->tensors() : std::vector<at::Tensor>()};
}

}  // namespace

bool ConvolutionShape::mirrors() const {
  for (int i = 0; i < 3; ++i)
    if (stride[i] != 1 || dilation[i] * (size[i] - 1) % 2 != 0) return false;
  return true;
}

KernelMap kernel_map(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed) {
  TEV_CHECK(!portable_mode(), "tev::kernel_map: a map has no portable form (the trace would need this library). Take tev::kernel_table_portable.");
  static const auto op = operator_handle<
      KernelMapTensors(const at::Tensor&, const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, bool)>("tev::kernel_map");
  const auto [pairs, tap_offsets, halo, halo_offsets, mask] = op.call(inputs, outputs, shape.size, shape.stride, shape.dilation, transposed);
  return {pairs, tap_offsets, halo, halo_offsets, mask};
}

ConvolutionMaps convolution_maps(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed) {
  ConvolutionMaps maps{kernel_map(inputs, outputs, shape, transposed), std::nullopt};
  const bool onto_itself = inputs.is_same(outputs) || inputs.equal(outputs);
  if (!onto_itself || !shape.mirrors()) maps.reverse = kernel_map(outputs, inputs, shape, !transposed);
  return maps;
}

at::Tensor coarse_voxels(const at::Tensor& fine, const ConvolutionShape& shape) {
  if (portable_mode()) return coarse_voxels_portable(fine, shape);
  static const auto op = operator_handle<at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef)>("tev::coarse_voxels");
  return op.call(fine, shape.size, shape.stride, shape.dilation);
}

TORCH_LIBRARY_FRAGMENT(tev, m) {
  m.def("kernel_map(Tensor inputs, Tensor outputs, int[3] size, int[3] stride=1, int[3] dilation=1, bool transposed=False) -> "
        "(Tensor pairs, Tensor tap_offsets, Tensor halo, Tensor halo_offsets, Tensor mask)");
  m.def("_kernel_map(Tensor inputs, Tensor outputs, int[3] size, int[3] stride, int[3] dilation, bool transposed) -> "
        "(Tensor pairs, Tensor tap_offsets, Tensor halo, Tensor halo_offsets, Tensor mask)");
  m.def("convolution_maps(Tensor inputs, Tensor outputs, int[3] size, int[3] stride=1, int[3] dilation=1, bool transposed=False) -> "
        "(Tensor[] map, Tensor[] reverse)");
  m.def("coarse_voxels(Tensor fine, int[3] size, int[3] stride, int[3] dilation=1) -> Tensor");
  m.def("_coarse_voxels(Tensor fine, int[3] size, int[3] stride, int[3] dilation) -> Tensor");
}

TORCH_LIBRARY_IMPL(tev, CompositeImplicitAutograd, m) {
  m.impl("kernel_map", kernel_map_composite);
  m.impl("convolution_maps", convolution_maps_composite);
  m.impl("coarse_voxels", coarse_voxels_composite);
}

}  // namespace tev
