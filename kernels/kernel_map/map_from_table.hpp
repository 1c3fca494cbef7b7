#pragma once
// A kernel map made of its table by ATen operators, on any device.

#include "kernels/kernel_map/kernel_map_backend.hpp"

namespace tev {

/// @param table       [outputs, taps] int32: the input of each tap, or -1
/// @param num_inputs  rows that these may be
/// @return            what the CPU finds by merging
KernelMapTensors map_from_table(const at::Tensor& table, int64_t num_inputs);

}  // namespace tev
