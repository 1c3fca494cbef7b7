#include "models/layers/relu_rows.hpp"

#include "kernels/simd.hpp"

#include <bit>
#include <type_traits>

namespace tev {
namespace {

template <class T>
TEV_SIMD_BODY void add_bias_relu_body(T* __restrict h, const T* __restrict bias, RowSpan block) {
  for (int64_t n = 0; n < block.rows; ++n, h += block.width) {
#pragma omp simd
    for (int64_t c = 0; c < block.width; ++c) {
      const T v = h[c] + bias[c];
      h[c] = v < 0 ? T(0) : v;
    }
  }
}

template <class T>
TEV_SIMD_BODY void add_relu_rows_body(T* __restrict out, uint8_t* __restrict is_on, const T* __restrict y, const T* __restrict bias,
                                      const T* __restrict z, RowSpan block) {
  for (int64_t n = 0; n < block.rows; ++n, y += block.width) {
    const T factor = z ? z[n] : T(1);
#pragma omp simd
    for (int64_t c = 0; c < block.width; ++c) {
      const T v = y[c] + bias[c];
      out[c] += factor * (v < 0 ? T(0) : v);
    }
    if (!is_on) continue;
#pragma omp simd
    for (int64_t c = 0; c < block.width; ++c) is_on[c] = y[c] + bias[c] <= 0 ? 0 : 255;
    is_on += block.width;
  }
}

// The mask is taken by bits, which vectorises.
template <class T>
TEV_SIMD_BODY void masked_rows_body(T* __restrict gradient, T* __restrict column_sum, const uint8_t* __restrict is_on,
                                    const T* __restrict grad_out, const T* __restrict z, RowSpan block) {
  using Bits = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  for (int64_t n = 0; n < block.rows; ++n, gradient += block.width, is_on += block.width) {
    const T factor = z ? z[n] : T(1);
#pragma omp simd
    for (int64_t c = 0; c < block.width; ++c) {
      const Bits mask = static_cast<int8_t>(is_on[c]);
      const T v = std::bit_cast<T>(std::bit_cast<Bits>(factor * grad_out[c]) & mask);
      gradient[c] = v;
      column_sum[c] += v;
    }
  }
}

template <class T>
TEV_SIMD_BODY void mask_by_value_body(T* __restrict gradient, T* __restrict column_sum, const T* __restrict h, RowSpan block) {
  for (int64_t n = 0; n < block.rows; ++n, gradient += block.width, h += block.width) {
#pragma omp simd
    for (int64_t c = 0; c < block.width; ++c) {
      gradient[c] = h[c] <= 0 ? T(0) : gradient[c];
      column_sum[c] += gradient[c];
    }
  }
}

}  // namespace

// One function for each instruction set, and the one that chooses.
#define TEV_ROW_LOOP(name, parameters, ...)                                        \
  namespace {                                                                      \
  template <class T>                                                               \
  TEV_TARGET_AVX512 void name##_avx512 parameters {                                \
    name##_body<T>(__VA_ARGS__);                                                   \
  }                                                                                \
  template <class T>                                                               \
  TEV_TARGET_AVX2 void name##_avx2 parameters {                                    \
    name##_body<T>(__VA_ARGS__);                                                   \
  }                                                                                \
  template <class T>                                                               \
  void name##_baseline parameters {                                                \
    name##_body<T>(__VA_ARGS__);                                                   \
  }                                                                                \
  }                                                                                \
  template <class T>                                                               \
  void name parameters {                                                           \
    pick_simd(name##_avx512<T>, name##_avx2<T>, name##_baseline<T>)(__VA_ARGS__);  \
  }

TEV_ROW_LOOP(add_bias_relu, (T* h, const T* bias, RowSpan block), h, bias, block)
TEV_ROW_LOOP(add_relu_rows, (T* out, uint8_t* is_on, const T* y, const T* bias, const T* z, RowSpan block), out, is_on, y, bias, z,
             block)
TEV_ROW_LOOP(masked_rows, (T* gradient, T* column_sum, const uint8_t* is_on, const T* grad_out, const T* z, RowSpan block), gradient,
             column_sum, is_on, grad_out, z, block)
TEV_ROW_LOOP(mask_by_value, (T* gradient, T* column_sum, const T* h, RowSpan block), gradient, column_sum, h, block)

#define TEV_INSTANTIATE(T)                                                                              \
  template void add_bias_relu<T>(T*, const T*, RowSpan);                                               \
  template void add_relu_rows<T>(T*, uint8_t*, const T*, const T*, const T*, RowSpan);                 \
  template void masked_rows<T>(T*, T*, const uint8_t*, const T*, const T*, RowSpan);                   \
  template void mask_by_value<T>(T*, T*, const T*, RowSpan);
TEV_INSTANTIATE(float)
TEV_INSTANTIATE(double)

}  // namespace tev
