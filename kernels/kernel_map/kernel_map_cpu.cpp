#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/check.hpp"
#include "kernels/cpu_output.hpp"
#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/kernel_map/kernel_map_backend.hpp"
#include "kernels/kernel_map/tile_mapper.hpp"
#include "kernels/shared_work.hpp"

namespace tev {
namespace {

/// Tiles that one thread takes at a time.
constexpr int64_t kChunkTiles = 16;

void check_rising(const char* name, at::IntArrayRef keys) {
  for (size_t i = 1; i < keys.size(); ++i)
    TEV_CHECK(keys[i - 1] < keys[i], "tev::kernel_map: ", name, " do not rise at ", i, " (keys from tev::voxel_index were expected).");
}

at::IntArrayRef values_of(const at::Tensor& keys) { return {keys.const_data_ptr<int64_t>(), static_cast<size_t>(keys.numel())}; }

/// The parts of chunks as one tensor.
at::Tensor joined(const std::vector<TileMaps>& chunks, std::vector<int32_t> TileMaps::*part) {
  std::vector<int64_t> begin(chunks.size() + 1, 0);
  for (size_t i = 0; i < chunks.size(); ++i) begin[i + 1] = begin[i] + static_cast<int64_t>((chunks[i].*part).size());
  at::Tensor all = empty_cpu_output({begin.back()}, at::TensorOptions(at::kInt));
  auto* out = all.mutable_data_ptr<int32_t>();
  at::parallel_for(0, static_cast<int64_t>(chunks.size()), 1, [&](int64_t first, int64_t end) {
    for (int64_t i = first; i < end; ++i) std::copy((chunks[i].*part).begin(), (chunks[i].*part).end(), out + begin[i]);
  });
  return all;
}

at::Tensor offsets_of(const std::vector<TileMaps>& chunks, std::vector<int64_t> TileMaps::*part, int64_t count) {
  at::Tensor offsets = at::empty({count + 1}, at::kLong);
  auto* out = offsets.mutable_data_ptr<int64_t>();
  *out = 0;
  for (const auto& chunk : chunks)
    for (const int64_t n : chunk.*part) {
      out[1] = out[0] + n;
      ++out;
    }
  return offsets;
}

KernelMapTensors kernel_map_cpu(const at::Tensor& inputs_any, const at::Tensor& outputs_any, at::IntArrayRef size, at::IntArrayRef stride,
                                at::IntArrayRef dilation, bool transposed) {
  const at::Tensor inputs = inputs_any.contiguous(), outputs = outputs_any.contiguous();
  const kernel_map_math::Kernel kernel = kernel_of(size, stride, dilation, transposed);
  check_rising("inputs", values_of(inputs));
  if (!outputs.is_same(inputs)) check_rising("outputs", values_of(outputs));
  std::vector<int64_t> input_keys = values_of(inputs).vec();
  input_keys.push_back(std::numeric_limits<int64_t>::max());
  const int64_t num_tiles = (outputs.numel() + kernel_map_math::tile_rows - 1) / kernel_map_math::tile_rows;
  at::Tensor mask = at::zeros({outputs.numel(), kernel_map_math::mask_words(kernel.num_taps())}, at::kInt);
  auto* mask_values = mask.mutable_data_ptr<int32_t>();
  std::vector<TileMaps> chunks(static_cast<size_t>((num_tiles + kChunkTiles - 1) / kChunkTiles));
  share_work(static_cast<int64_t>(chunks.size()), [&] {
    return [&, mapper = TileMapper(kernel, input_keys, values_of(outputs), mask_values)](int64_t i) mutable {
      chunks[static_cast<size_t>(i)] = mapper.map(i * kChunkTiles, std::min(num_tiles, (i + 1) * kChunkTiles));
    };
  });
  return {joined(chunks, &TileMaps::pairs), offsets_of(chunks, &TileMaps::tap_counts, num_tiles * kernel.num_taps()), joined(chunks, &TileMaps::halo),
          offsets_of(chunks, &TileMaps::halo_counts, num_tiles), mask};
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_kernel_map", kernel_map_cpu); }

}  // namespace tev
