#pragma once
// What sparse_conv asks of its arguments.

#include <ATen/core/Tensor.h>

#include <optional>

#include "base/check.hpp"
#include "kernels/device_support.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev::sparse_conv_checks {

using Optional = std::optional<at::Tensor>;

/// ConvolutionFusion as operators have it.
struct Fusion {
  Optional scale, shift;
  double negative_slope = 1;
  Optional residual;
};

constexpr const char* kWhere = "tev::sparse_conv";
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
}

/// That a map has as many taps and tiles as weights and outputs want.
inline void check_extent(const char* where, at::TensorList map, const c10::SymInt& taps) {
  const c10::SymInt tiles = map[3].sym_size(0) - 1;
  TEV_CHECK(map[1].sym_size(0) == tiles * taps + 1, where, ": the map has ", map[1].sym_size(0) - 1, " lists of pairs (", tiles * taps,
            " were expected: ", tiles, " tiles of ", taps, " taps, as weight has).");
  TEV_CHECK(tiles == (map[4].sym_size(0) + (kernel_map_math::tile_rows - 1)) / kernel_map_math::tile_rows, where, ": the map has ", tiles,
            " tiles for ", map[4].sym_size(0), " outputs (a map from tev::kernel_map was expected).");
}

inline void check_prologue(const at::Tensor& x, const Fusion& fusion) {
  TEV_CHECK(fusion.scale.has_value() == fusion.shift.has_value(), kWhere, ": ", fusion.scale ? "scale has no shift" : "shift has no scale", " (both or none were expected).");
  TEV_CHECK(fusion.scale || fusion.negative_slope == 1, kWhere, ": negative_slope is ", fusion.negative_slope,
            " without scale and shift (1 was expected). Give a scale of ones and a shift of zeros.");
  if (!fusion.scale) return;
  const at::ScalarType type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto check = [&](const char* name, const at::Tensor& values) {
    TEV_CHECK(values.dim() == 1 && values.sym_size(0) == x.sym_size(1), kWhere, ": ", name, " has shape ", values.sym_sizes(), " ([", x.sym_size(1),
              "] was expected, the channels of x).");
    TEV_CHECK(values.scalar_type() == type && values.device() == x.device(), kWhere, ": ", name, " is ", c10::toString(values.scalar_type()), " on ",
              values.device(), " (", c10::toString(type), " on ", x.device(), " was expected beside x of ", c10::toString(x.scalar_type()), ").");
  };
  check("scale", *fusion.scale);
  check("shift", *fusion.shift);
}

inline void check_residual(const at::Tensor& x, const Optional& residual, const c10::SymInt& num_outputs, const c10::SymInt& channels) {
  if (!residual) return;
  TEV_CHECK(residual->dim() == 2 && residual->sym_size(0) == num_outputs && residual->sym_size(1) == channels, kWhere, ": residual has shape ",
            residual->sym_sizes(), " ([", num_outputs, ", ", channels, "] was expected, the shape of the output).");
  TEV_CHECK(residual->scalar_type() == x.scalar_type() && residual->device() == x.device(), kWhere, ": residual is ",
            c10::toString(residual->scalar_type()), " on ", residual->device(), " (", c10::toString(x.scalar_type()), " on ", x.device(),
            " was expected, as x is).");
}

inline void check_arguments(const at::Tensor& x, const at::Tensor& weight, const Optional& bias, at::TensorList map, at::TensorList reverse,
                            const Fusion& fusion) {
  check_features(kWhere, "x", x);
  TEV_CHECK(weight.dim() == 3 && weight.sym_size(1) == x.sym_size(1), kWhere, ": weight has shape ", weight.sym_sizes(), " ([taps, ",
            x.sym_size(1), ", out channels] was expected, as x has ", x.sym_size(1), " channels).");
  TEV_CHECK(weight.scalar_type() == x.scalar_type() || (weight.scalar_type() == at::kFloat && is_half(x.scalar_type())), kWhere,
            ": weight has dtype ", c10::toString(weight.scalar_type()), " (", c10::toString(x.scalar_type()),
            " was expected, the dtype of x, or float32 beside a half type).");
  TEV_CHECK(weight.device() == x.device(), kWhere, ": weight is on ", weight.device(), " (", x.device(), " was expected, where x is).");
  if (bias) {
    TEV_CHECK(bias->dim() == 1 && bias->sym_size(0) == weight.sym_size(2), kWhere, ": bias has shape ", bias->sym_sizes(), " ([",
              weight.sym_size(2), "] was expected, the channels of the output).");
    TEV_CHECK(bias->scalar_type() == weight.scalar_type() && bias->device() == weight.device(), kWhere, ": bias is ",
              c10::toString(bias->scalar_type()), " on ", bias->device(), " (", c10::toString(weight.scalar_type()), " on ", weight.device(),
              " was expected, as weight is).");
  }
  check_map(kWhere, "map", map, x);
  check_extent(kWhere, map, weight.sym_size(0));
  if (!reverse.empty()) {
    check_map(kWhere, "reverse", reverse, x);
    check_extent(kWhere, reverse, weight.sym_size(0));
    TEV_CHECK(reverse[4].sym_size(0) == x.sym_size(0), kWhere, ": the reverse map has ", reverse[4].sym_size(0), " outputs (", x.sym_size(0),
              " were expected, the rows of x).");
  } else {
    TEV_CHECK(map[4].sym_size(0) == x.sym_size(0), kWhere, ": the map has ", map[4].sym_size(0), " outputs and x ", x.sym_size(0),
              " rows (equal numbers were expected, as there is no reverse map).");
  }
  check_prologue(x, fusion);
  check_residual(x, fusion.residual, map[4].sym_size(0), weight.sym_size(2));
}

}  // namespace tev::sparse_conv_checks
