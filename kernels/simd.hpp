#pragma once
// Runtime dispatch of CPU code: one body, compiled for several instruction sets inside one translation unit.
//
//   template <class T> TEV_SIMD_BODY void scale_body(T* x, int64_t n) { ... }      plain loops with `#pragma omp simd`
//   template <class T> TEV_TARGET_AVX512 void scale_avx512(T* x, int64_t n) { scale_body(x, n); }   and so on
//   pick_simd(scale_avx512<T>, scale_avx2<T>, scale_baseline<T>)(x, n);
//
// The body is inlined into each variant. Compiling a whole file per instruction set would instead let the linker keep
// an AVX-512 copy of some inline library function for everybody. Contraction to fused multiply-add is off for the
// library (kernels/CMakeLists.txt), so all variants give the same bits.

#include <ATen/Version.h>

#include <string>

#define TEV_SIMD_BODY __attribute__((always_inline)) inline
#if defined(__x86_64__)
#define TEV_TARGET_AVX2 __attribute__((target("avx2,f16c")))
#define TEV_TARGET_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,f16c,prefer-vector-width=512")))
#else
#define TEV_TARGET_AVX2
#define TEV_TARGET_AVX512
#endif

namespace tev {

enum class SimdLevel { baseline, avx2, avx512 };

/// The level that ATen uses on this machine: the environment variable ATEN_CPU_CAPABILITY limits both alike.
inline SimdLevel simd_level() {
  static const SimdLevel level = [] {
    const std::string capability = at::get_cpu_capability();
    if (capability == "AVX512") return SimdLevel::avx512;
    if (capability == "AVX2") return SimdLevel::avx2;
    return SimdLevel::baseline;
  }();
  return level;
}

/// The variant for this machine.
template <class Function>
Function* pick_simd(Function* avx512, Function* avx2, Function* baseline) {
  if (simd_level() == SimdLevel::avx512) return avx512;
  return simd_level() == SimdLevel::avx2 ? avx2 : baseline;
}

}  // namespace tev
