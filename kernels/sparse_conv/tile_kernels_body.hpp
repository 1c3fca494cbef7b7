#pragma once
// The bodies of TileKernels, for a vector type V with `value`, `reg`, `width`, `load`, `store`, `broadcast` and `fma`.
//
// Each file that includes this is compiled for its instruction set, so nothing here may come from a library: the linker could keep
// that file's copy of an inline function for everybody.

#include "kernels/kernel_map/kernel_map_math.hpp"
#include "kernels/sparse_conv/tile_kernels.hpp"

namespace tev {
namespace {

/// `rows` pairs at a time, whose sums stay in registers while all channels pass.
template <class V, int rows, int vectors>
inline void multiply_rows(const typename V::value* halo, int64_t channels, const typename V::value* weights, const int32_t* pairs,
                          typename V::value* tile, int64_t stride) {
  const typename V::value* from[rows];
  typename V::value* to[rows];
  typename V::reg sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
    from[r] = halo + kernel_map_math::place_of(pairs[r]) * channels;
    to[r] = tile + kernel_map_math::row_of(pairs[r]) * stride;
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[r][v] = V::load(to[r] + v * V::width);
  }
  for (int64_t c = 0; c < channels; ++c, weights += vectors * V::width) {
    typename V::reg weight[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) weight[v] = V::load(weights + v * V::width);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const typename V::reg x = V::broadcast(from[r] + c);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = V::fma(x, weight[v], sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) V::store(to[r] + v * V::width, sum[r][v]);
}

/// What is left: fewer than V::rows pairs.
template <class V, int rows, int vectors>
inline void multiply_rest(int64_t left, const typename V::value* halo, int64_t channels, const typename V::value* weights,
                          const int32_t* pairs, typename V::value* tile, int64_t stride) {
  if constexpr (rows > 0) {
    if (left == rows) return multiply_rows<V, rows, vectors>(halo, channels, weights, pairs, tile, stride);
    multiply_rest<V, rows - 1, vectors>(left, halo, channels, weights, pairs, tile, stride);
  }
}

template <class V, int vectors>
inline void multiply_panel(const typename V::value* halo, int64_t channels, const typename V::value* weights, const int32_t* pairs,
                           int64_t num_pairs, typename V::value* tile, int64_t stride) {
  int64_t i = 0;
  for (; i + V::rows <= num_pairs; i += V::rows) multiply_rows<V, V::rows, vectors>(halo, channels, weights, pairs + i, tile, stride);
  multiply_rest<V, V::rows - 1, vectors>(num_pairs - i, halo, channels, weights, pairs + i, tile, stride);
}

template <class V>
void multiply(const typename V::value* halo, int64_t channels, const typename V::value* weights, int64_t columns, const int32_t* pairs,
              int64_t num_pairs, typename V::value* tile, int64_t stride) {
  if (columns == V::width) return multiply_panel<V, 1>(halo, channels, weights, pairs, num_pairs, tile, stride);
  multiply_panel<V, 2>(halo, channels, weights, pairs, num_pairs, tile, stride);
}

/// `rows` channels at a time, whose sums stay in registers while all pairs pass.
template <class V, int rows, int vectors>
inline void multiply_channels(const typename V::value* halo, int64_t channels, const typename V::value* tile, const int32_t* pairs,
                              int64_t num_pairs, typename V::value* product, int64_t stride) {
  typename V::reg sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sum[r][v] = V::load(product + r * stride + v * V::width);
  for (int64_t i = 0; i < num_pairs; ++i) {
    const auto* from = halo + kernel_map_math::place_of(pairs[i]) * channels;
    const auto* row = tile + kernel_map_math::row_of(pairs[i]) * stride;
    typename V::reg y[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) y[v] = V::load(row + v * V::width);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const typename V::reg x = V::broadcast(from + r);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = V::fma(x, y[v], sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) V::store(product + r * stride + v * V::width, sum[r][v]);
}

template <class V, int rows, int vectors>
inline void multiply_channels_rest(int64_t left, const typename V::value* halo, int64_t channels, const typename V::value* tile,
                                   const int32_t* pairs, int64_t num_pairs, typename V::value* product, int64_t stride) {
  if constexpr (rows > 0) {
    if (left == rows) return multiply_channels<V, rows, vectors>(halo, channels, tile, pairs, num_pairs, product, stride);
    multiply_channels_rest<V, rows - 1, vectors>(left, halo, channels, tile, pairs, num_pairs, product, stride);
  }
}

template <class V, int vectors>
inline void multiply_transposed_panel(const typename V::value* halo, int64_t channels, const typename V::value* tile, const int32_t* pairs,
                                      int64_t num_pairs, typename V::value* product, int64_t stride) {
  int64_t c = 0;
  for (; c + V::rows <= channels; c += V::rows)
    multiply_channels<V, V::rows, vectors>(halo + c, channels, tile, pairs, num_pairs, product + c * stride, stride);
  multiply_channels_rest<V, V::rows - 1, vectors>(channels - c, halo + c, channels, tile, pairs, num_pairs, product + c * stride, stride);
}

template <class V>
void multiply_transposed(const typename V::value* halo, int64_t channels, const typename V::value* tile, int64_t columns, const int32_t* pairs,
                         int64_t num_pairs, typename V::value* product, int64_t stride) {
  if (columns == V::width) return multiply_transposed_panel<V, 1>(halo, channels, tile, pairs, num_pairs, product, stride);
  multiply_transposed_panel<V, 2>(halo, channels, tile, pairs, num_pairs, product, stride);
}

/// A vector type of an instruction set of x86, whose intrinsics are called prefix_..._suffix.
#define TEV_X86_VECTOR(Name, Value, Register, lanes, pairs_at_a_time, prefix, suffix)        \
  struct Name {                                                                              \
    using value = Value;                                                                     \
    using reg = Register;                                                                    \
    static constexpr int width = lanes, rows = pairs_at_a_time;                              \
    static reg load(const Value* p) { return prefix##_loadu_##suffix(p); }                   \
    static void store(Value* p, reg x) { prefix##_storeu_##suffix(p, x); }                   \
    static reg broadcast(const Value* p) { return prefix##_set1_##suffix(*p); }              \
    static reg fma(reg a, reg b, reg c) { return prefix##_fmadd_##suffix(a, b, c); }         \
  }

template <class V>
constexpr TileKernels<typename V::value> kernels_of() {
  static_assert(TileKernels<typename V::value>::most_vectors == 2);
  return {V::width, multiply<V>, multiply_transposed<V>};
}

}  // namespace
}  // namespace tev
