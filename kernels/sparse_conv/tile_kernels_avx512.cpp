#include "kernels/sparse_conv/tile_kernels_body.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>

namespace tev {
namespace {

TEV_X86_VECTOR(Floats, float, __m512, 16, 8, _mm512, ps);
TEV_X86_VECTOR(Doubles, double, __m512d, 8, 8, _mm512, pd);

}  // namespace

template <>
TileKernels<float> tile_kernels_avx512() { return kernels_of<Floats>(); }
template <>
TileKernels<double> tile_kernels_avx512() { return kernels_of<Doubles>(); }

}  // namespace tev
#endif
