#pragma once
// A ReLU network of every row and the sum over the rows of each segment, in one pass over memory.

#include <ATen/core/Tensor.h>

#include <vector>

namespace tev {

/// out[b] = sum_{n in segment b} z_n relu(W_L ... relu(W_1 x_n + b_1) ... + b_L)
///
/// Works through tiles of rows that stay in the cache: the rows of the last layer, the widest, never reach memory (one
/// byte of sign does), and biases, ReLU, masks and bias gradients are taken along where the numbers already are.
/// Same result as the separate operators, and as itself without gradients, up to rounding. Bitwise reproducible at an
/// equal number of threads. benchmarks/models/pfn_bench.cpp times the step of pfn with it beside that with the separate
/// operators.
/// @param x_NC        [N, C] f32|f64, CPU
/// @param offsets     [B+1] int64, CPU; an empty segment gives 0 and has no gradient
/// @param parameters  W_1 [C_1, C], b_1 [C_1], W_2, b_2, ...; dtype of x
/// @param z_N         [N] weight of each row, dtype of x, without gradient; undefined: 1
/// @return            [B, C_L]
/// @throws            Error for offsets that do not divide the rows, and when a second derivative is asked for
at::Tensor mlp_segment_sum(const at::Tensor& x_NC, const at::Tensor& offsets, const std::vector<at::Tensor>& parameters,
                           const at::Tensor& z_N);

/// Whether mlp_segment_sum can stand in for the separate operators here: CPU, f32 or f64, no autocast, not under
/// PortableGuard nor while a tracer records, and no gradient asked for z.
bool mlp_segment_sum_applies(const at::Tensor& x_NC, const at::Tensor& z_N);

}  // namespace tev
