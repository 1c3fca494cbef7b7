#pragma once
// What sparse_conv asks of its arguments.

#include <ATen/core/Tensor.h>

#include <optional>

#include "base/check.hpp"
#include "kernels/kernel_map/map_checks.hpp"

namespace tev::sparse_conv_checks {

using Optional = std::optional<at::Tensor>;

/// ConvolutionFusion as operators have it.
struct Fusion {
  Optional scale, shift;
  double negative_slope = 1;
  Optional residual;
};

constexpr const char* kWhere = "tev::sparse_conv";
/// That a map has as many taps as weights want.
inline void check_extent(const char* where, at::TensorList map, const c10::SymInt& taps) {
  const c10::SymInt tiles = map[3].sym_size(0) - 1;
  TEV_CHECK(map[1].sym_size(0) == tiles * taps + 1, where, ": the map has ", map[1].sym_size(0) - 1, " lists of pairs (", tiles * taps,
            " were expected: ", tiles, " tiles of ", taps, " taps, as weight has).");
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
