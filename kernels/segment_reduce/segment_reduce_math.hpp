#pragma once
// The scalar arithmetic of segment_reduce, written once for CPU and CUDA.

#include <cstdint>

#include "base/host_device.hpp"

namespace tev::segment_reduce_math {

/// Rows of a longer segment are reduced in blocks of this many, then the blocks: a fixed tree, so that a single long
/// segment can be shared by threads and its rounding error grows with blocks instead of rows.
constexpr int64_t block_rows = 4096;

/// Each functor joins the next row into a running value and keeps the index of the row that it came from.
struct Adder {
  template <class T, class Index>
  static TEV_HD void join(T& value, Index&, T next, Index) {
    value += next;
  }
};

/// `!(next <= value)` is true for a greater number and for a NaN; `value == value` keeps the first NaN. One form
/// without branches, so that it vectorises.
struct MaxKeeper {
  template <class T, class Index>
  static TEV_HD void join(T& value, Index& index, T next, Index next_index) {
    const bool take = !(next <= value) & (value == value);
    value = take ? next : value;
    index = take ? next_index : index;
  }
};

struct MinKeeper {
  template <class T, class Index>
  static TEV_HD void join(T& value, Index& index, T next, Index next_index) {
    const bool take = !(next >= value) & (value == value);
    value = take ? next : value;
    index = take ? next_index : index;
  }
};

/// One channel of one segment: rows [begin, end), begin < end, of a matrix with `channels` columns.
template <class Joiner, class scalar_t, class opmath_t>
TEV_HD void reduce_column(const scalar_t* column, int64_t channels, int64_t begin, int64_t end, opmath_t& value,
                          int64_t& index) {
  for (int64_t block = begin; block < end; block += block_rows) {
    const int64_t block_end = end - block < block_rows ? end : block + block_rows;
    opmath_t block_value = static_cast<opmath_t>(column[block * channels]);
    int64_t block_index = block;
    for (int64_t row = block + 1; row < block_end; ++row)
      Joiner::join(block_value, block_index, static_cast<opmath_t>(column[row * channels]), row);
    if (block == begin) {
      value = block_value;
      index = block_index;
    } else {
      Joiner::join(value, index, block_value, block_index);
    }
  }
}

}  // namespace tev::segment_reduce_math
