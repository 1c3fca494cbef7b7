#pragma once
// Sums over rows on the CPU, in an order that no number of threads changes.

#include <ATen/Parallel.h>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/batch_norm/batch_norm_math.hpp"
#include "kernels/segment_reduce/segment_tiles.hpp"

namespace tev {

/// Channels in tiles whose two running sums in fp64 fit the registers.
template <class Visit>
TEV_SIMD_BODY void for_each_sum_tile(int64_t channels, Visit visit) {
  int64_t c = 0;
  for (; c + 32 <= channels; c += 32) visit(c, std::integral_constant<int, 32>());
  for (; c + 16 <= channels; c += 16) visit(c, std::integral_constant<int, 16>());
  for (; c + 4 <= channels; c += 4) visit(c, std::integral_constant<int, 4>());
  for (; c < channels; ++c) visit(c, std::integral_constant<int, 1>());
}

/// A tile is a column of short runs, through which the hardware does not look ahead by itself.
template <int width, class scalar_t>
TEV_SIMD_BODY void prefetch_rows(const scalar_t* row, int64_t channels) {
  constexpr int line_bytes = 64, rows_ahead = 16;
  const char* ahead = reinterpret_cast<const char*>(row + rows_ahead * channels);
  for (size_t byte = 0; byte + line_bytes <= width * sizeof(scalar_t); byte += line_bytes) __builtin_prefetch(ahead + byte);
}

/// Adds two numbers a channel over all rows.
/// @param sum_block  (first row, rows, sums [2 * channels]) writes the sums of a block
/// @param total      [2 * channels]
template <class SumBlock>
void sum_rows(int64_t num_rows, int64_t channels, const SumBlock& sum_block, double* total) {
  constexpr int64_t block = batch_norm_math::block_rows;
  const int64_t num_blocks = (num_rows + block - 1) / block, width = 2 * channels;
  std::vector<double> sums(static_cast<size_t>(num_blocks * width));
  at::parallel_for(0, num_blocks, std::max<int64_t>(1, grain_elements / (block * std::max<int64_t>(1, channels))), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) sum_block(b * block, std::min(block, num_rows - b * block), sums.data() + b * width);
  });
  std::fill_n(total, width, 0.0);
  for (int64_t b = 0; b < num_blocks; ++b)
    for (int64_t i = 0; i < width; ++i) total[i] += sums[b * width + i];
}

/// Calls body(first row, rows) in parallel.
template <class Body>
void for_each_rows(int64_t num_rows, int64_t channels, const Body& body) {
  at::parallel_for(0, num_rows, std::max<int64_t>(1, grain_elements / std::max<int64_t>(1, channels)),
                   [&](int64_t begin, int64_t end) { body(begin, end - begin); });
}

}  // namespace tev
