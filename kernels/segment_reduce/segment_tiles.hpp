#pragma once
// How one CPU thread walks the rows of a block: in tiles of channels.

#include <cstdint>
#include <type_traits>

#include "kernels/simd.hpp"

namespace tev {

/// The least number of elements that is worth a thread.
constexpr int64_t grain_elements = 32768;

/// Rows that are reduced into one, or receive the gradient of one.
struct RowBlock {
  int64_t first;  ///< index of the first row
  int64_t size;   ///< number of rows, at least 1
};

/// Channels are taken in tiles whose running values fit the registers; the last ones in ever smaller tiles.
template <class Visit>
TEV_SIMD_BODY void for_each_tile(int64_t channels, Visit visit) {
  int64_t c = 0;
  for (; c + 64 <= channels; c += 64) visit(c, std::integral_constant<int, 64>());
  for (; c + 16 <= channels; c += 16) visit(c, std::integral_constant<int, 16>());
  for (; c + 4 <= channels; c += 4) visit(c, std::integral_constant<int, 4>());
  for (; c < channels; ++c) visit(c, std::integral_constant<int, 1>());
}

/// As wide as the values, so that both run in the same vector lanes.
template <class T>
using lane_index_t = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

}  // namespace tev
