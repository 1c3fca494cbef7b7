#include "kernels/sparse_conv/tile_kernels_body.hpp"

#if defined(__AVX2__)
#include <immintrin.h>

namespace tev {
namespace {

struct Float {
  using value = float;
  using reg = __m256;
  static constexpr int width = 8, rows = 6;
  static reg load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, reg x) { _mm256_storeu_ps(p, x); }
  static reg broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static reg fma(reg a, reg b, reg c) { return _mm256_fmadd_ps(a, b, c); }
};

struct Double {
  using value = double;
  using reg = __m256d;
  static constexpr int width = 4, rows = 6;
  static reg load(const double* p) { return _mm256_loadu_pd(p); }
  static void store(double* p, reg x) { _mm256_storeu_pd(p, x); }
  static reg broadcast(const double* p) { return _mm256_broadcast_sd(p); }
  static reg fma(reg a, reg b, reg c) { return _mm256_fmadd_pd(a, b, c); }
};

}  // namespace

template <>
TileKernels<float> tile_kernels_avx2() { return kernels_of<Float>(); }
template <>
TileKernels<double> tile_kernels_avx2() { return kernels_of<Double>(); }

}  // namespace tev
#endif
