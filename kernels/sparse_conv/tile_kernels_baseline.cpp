#include "kernels/sparse_conv/sparse_conv_math.hpp"
#include "kernels/sparse_conv/tile_kernels_body.hpp"

namespace tev {
namespace {

/// Without vectors. A fused multiply-add is slow where the machine has none, but every machine gives the same bits.
template <class T>
struct Scalar {
  using value = T;
  using reg = T;
  static constexpr int width = 1, rows = 4;
  static reg load(const T* p) { return *p; }
  static void store(T* p, reg x) { *p = x; }
  static reg broadcast(const T* p) { return *p; }
  static T fma(T a, T b, T c) { return sparse_conv_math::fused_multiply_add(a, b, c); }
};

}  // namespace

template <>
TileKernels<float> tile_kernels_baseline() { return kernels_of<Scalar<float>>(); }
template <>
TileKernels<double> tile_kernels_baseline() { return kernels_of<Scalar<double>>(); }

}  // namespace tev
