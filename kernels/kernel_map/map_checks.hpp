#pragma once
// What operators over a kernel map ask of features and maps.

#include <ATen/core/Tensor.h>

#include "base/check.hpp"
#include "kernels/device_support.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {

constexpr size_t kMapTensors = 5;

inline bool is_half(at::ScalarType type) { return type == at::kHalf || type == at::kBFloat16; }

inline void check_features(const char* where, const char* name, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  TEV_CHECK(type == at::kFloat || type == at::kDouble || is_half(type), where, ": ", name, " has dtype ", c10::toString(type),
            " (float16, bfloat16, float32 or float64 was expected).");
  TEV_CHECK(x.dim() == 2, where, ": ", name, " has shape ", x.sym_sizes(), " ([voxels, channels] was expected).");
  check_device_support(where, x.device());
}

inline void check_map(const char* where, const char* name, at::TensorList map, const at::Tensor& x) {
  TEV_CHECK(map.size() == kMapTensors, where, ": ", name, " has ", map.size(), " tensors (", kMapTensors, " were expected, from tev::kernel_map).");
  constexpr at::ScalarType types[] = {at::kInt, at::kLong, at::kInt, at::kLong, at::kInt};
  constexpr int64_t dims[] = {1, 1, 1, 1, 2};
  for (size_t i = 0; i < kMapTensors; ++i) {
    TEV_CHECK(map[i].scalar_type() == types[i] && map[i].dim() == dims[i], where, ": tensor ", i, " of ", name, " is ",
              c10::toString(map[i].scalar_type()), ' ', map[i].sym_sizes(), " (", c10::toString(types[i]), " of ", dims[i],
              " dimensions was expected, from tev::kernel_map).");
    TEV_CHECK(map[i].device() == x.device(), where, ": ", name, " is on ", map[i].device(), " (", x.device(), " was expected, where x is).");
  }
  const c10::SymInt tiles = map[3].sym_size(0) - 1;
  TEV_CHECK(tiles == (map[4].sym_size(0) + (kernel_map_math::tile_rows - 1)) / kernel_map_math::tile_rows, where, ": ", name, " has ", tiles,
            " tiles for ", map[4].sym_size(0), " outputs (a map from tev::kernel_map was expected).");
}

}  // namespace tev
