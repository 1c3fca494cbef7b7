#pragma once
// The inner loop of kernel_map on a CPU: rising queries against rising keys.

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {

/// What the taps along z of one column (tap_x, tap_y) ask of the inputs for the rows of a tile: queries rise with the row.
struct ColumnQueries {
  int64_t cursor;  ///< no query has its place before this one; afterwards that of the last query
  int64_t count, answered;
  std::array<int64_t, kernel_map_math::tile_rows> least;  ///< the least key that a tap along z may reach
  std::array<int64_t, kernel_map_math::tile_rows> place;  ///< answer: of the first input that is not less
  std::array<int32_t, kernel_map_math::tile_rows> row;
};

/// Answers as many queries of each column as take the same number of steps.
///
/// A step compares one key with one query and moves past the lesser: a sum instead of a branch, which would often be guessed wrong. Its chain
/// of load, compare and add takes as long as those guesses, so columns take their steps side by side (benchmarks/kernels/kernel_map_bench.py).
/// @param keys  rising, with a greatest one behind the last
template <size_t columns>
void answer_together(const int64_t* keys, ColumnQueries* queries) {
  int64_t cursor[columns], next[columns];
  for (size_t c = 0; c < columns; ++c) {
    cursor[c] = queries[c].cursor;
    next[c] = queries[c].answered;
  }
  for (;;) {
    int64_t steps = queries[0].count - next[0];  // a step answers one query at most
    for (size_t c = 1; c < columns; ++c) steps = std::min(steps, queries[c].count - next[c]);
    if (steps == 0) break;
    for (int64_t step = 0; step < steps; ++step)
#pragma GCC unroll 8
      for (size_t c = 0; c < columns; ++c) {
        const int64_t less = keys[cursor[c]] < queries[c].least[static_cast<size_t>(next[c])] ? 1 : 0;
        queries[c].place[static_cast<size_t>(next[c])] = cursor[c];
        cursor[c] += less;
        next[c] += 1 - less;
      }
  }
  for (size_t c = 0; c < columns; ++c) {
    queries[c].cursor = cursor[c];
    queries[c].answered = next[c];
  }
}

}  // namespace tev
