#include "kernels/sparse_conv/tile_kernels_body.hpp"

#if defined(__AVX2__)
#include <immintrin.h>

namespace tev {
namespace {

TEV_X86_VECTOR(Floats, float, __m256, 8, 6, _mm256, ps);
TEV_X86_VECTOR(Doubles, double, __m256d, 4, 6, _mm256, pd);

}  // namespace

template <>
TileKernels<float> tile_kernels_avx2() { return kernels_of<Floats>(); }
template <>
TileKernels<double> tile_kernels_avx2() { return kernels_of<Doubles>(); }

}  // namespace tev
#endif
