#pragma once
// The inner loops of sparse_conv on a CPU, for the instruction set of this machine.

#include <cstdint>

namespace tev {

/// Pairs are kernel_map's: a row of the halo and a row of the tile. Columns come in panels of up to `most_vectors` vectors.
///
/// Every element is one chain of fused multiply-adds in the order of pairs and channels, so all instruction sets give the same bits.
template <class T>
struct TileKernels {
  static constexpr int most_vectors = 2;

  int64_t vector;  ///< columns of a vector

  /// tile[row of pair][0:columns] += halo[place of pair][0:channels] x weights[channels][columns], for each pair.
  /// @param columns  vector or most_vectors * vector
  /// @param stride   of the rows of tile
  void (*multiply)(const T* halo, int64_t channels, const T* weights, int64_t columns, const int32_t* pairs, int64_t num_pairs, T* tile, int64_t stride);

  /// product[channels][0:columns] += halo[place of pair][channels] x tile[row of pair][0:columns], over all pairs.
  /// @param stride  of the rows of tile and of product
  void (*multiply_transposed)(const T* halo, int64_t channels, const T* tile, int64_t columns, const int32_t* pairs, int64_t num_pairs, T* product, int64_t stride);
};

template <class T>
TileKernels<T> tile_kernels_baseline();
template <class T>
TileKernels<T> tile_kernels_avx2();
template <class T>
TileKernels<T> tile_kernels_avx512();

}  // namespace tev
