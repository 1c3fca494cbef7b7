#pragma once
// Reductions of ragged rows: segment s of x is the rows [offsets[s], offsets[s+1]).

#include <ATen/core/Tensor.h>

#include <string_view>

namespace tev {

enum class SegmentReduction { sum, mean, max, min };

/// Sum, mean, maximum or minimum over the rows of each segment, channel by channel.
///
/// Always the same bits: rows are taken in order within blocks of 4096 (counted from the start of the segment), then
/// the blocks in order, for any number of threads and any instruction set; CUDA takes them in the same order. Sums
/// accumulate in fp32 for half types, so autocast leaves the dtype of x alone. Of equal maxima the lowest row wins; a
/// NaN wins over numbers. An empty segment gives 0 and passes no gradient. max and min send the gradient to the winning
/// row alone. Derivatives of every order exist.
/// Under PortableGuard it is a composition of ATen operators, for tracing: the numbers agree within rounding, and the
/// gradient of tied maxima is shared among them.
/// @param x        [N, ...] f16|bf16|f32|f64, any strides, CPU or CUDA; 1-D x gives 1-D out
/// @param offsets  [S+1] int64 on the device of x: first 0, nondecreasing, last N
/// @return         [S, ...], dtype and device of x, contiguous
/// @throws         tev::Error on wrong shapes, dtypes, devices at once; on wrong values of offsets on the CPU at once.
///                 On CUDA values are not read back: they are clamped to [0, N], so nothing outside x is touched, but
///                 the numbers (and gradients of rows that belong to no segment) are meaningless; debug builds check
/// @stream         current stream; does not synchronise
at::Tensor segment_reduce(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction);

/// The portable form itself; arguments as segment_reduce, which chooses it under PortableGuard.
at::Tensor segment_reduce_portable(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction);

/// Whether a reduction picks a row (max, min), whose index the backward needs.
bool keeps_row_index(SegmentReduction reduction);

/// "sum", "mean", "max" or "min", and back. @throws tev::Error for any other name.
std::string_view segment_reduction_name(SegmentReduction reduction);
SegmentReduction segment_reduction_from(std::string_view name);

/// For the backends, which alone may read values.
/// @throws tev::Error unless offsets, contiguous on the CPU, run from 0 to num_rows without falling
void check_segment_offsets(const at::Tensor& offsets, int64_t num_rows);

}  // namespace tev
