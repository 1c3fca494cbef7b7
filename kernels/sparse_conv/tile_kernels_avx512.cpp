#include "kernels/sparse_conv/tile_kernels_body.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>

namespace tev {
namespace {

struct Float {
  using value = float;
  using reg = __m512;
  static constexpr int width = 16, rows = 8;
  static reg load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, reg x) { _mm512_storeu_ps(p, x); }
  static reg broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static reg fma(reg a, reg b, reg c) { return _mm512_fmadd_ps(a, b, c); }
};

struct Double {
  using value = double;
  using reg = __m512d;
  static constexpr int width = 8, rows = 8;
  static reg load(const double* p) { return _mm512_loadu_pd(p); }
  static void store(double* p, reg x) { _mm512_storeu_pd(p, x); }
  static reg broadcast(const double* p) { return _mm512_set1_pd(*p); }
  static reg fma(reg a, reg b, reg c) { return _mm512_fmadd_pd(a, b, c); }
};

}  // namespace

template <>
TileKernels<float> tile_kernels_avx512() { return kernels_of<Float>(); }
template <>
TileKernels<double> tile_kernels_avx512() { return kernels_of<Double>(); }

}  // namespace tev
#endif
