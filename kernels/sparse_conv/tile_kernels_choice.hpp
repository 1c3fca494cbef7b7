#pragma once
// Which inner loops of sparse_conv this machine runs, and how columns are cut for them.

#include "kernels/simd.hpp"
#include "kernels/sparse_conv/tile_kernels.hpp"

#include <algorithm>

namespace tev {

template <class T>
TileKernels<T> choose_tile_kernels() {
#if defined(__x86_64__)
  return pick_simd(tile_kernels_avx512<T>, tile_kernels_avx2<T>, tile_kernels_baseline<T>)();
#else
  return tile_kernels_baseline<T>();
#endif
}

/// Channels as panels of one or two vectors; the last vector may stand over the end.
class Panels {
 public:
  Panels(int64_t channels, int64_t vector, int64_t most_vectors)
      : columns_((channels + vector - 1) / vector * vector), panel_(vector * most_vectors) {}

  int64_t columns() const { return columns_; }

  /// body(first column, columns)
  template <class Body>
  void for_each(const Body& body) const {
    for (int64_t first = 0; first < columns_; first += panel_) body(first, std::min(panel_, columns_ - first));
  }

 private:
  int64_t columns_, panel_;
};

}  // namespace tev
