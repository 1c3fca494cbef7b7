#include "kernels/sparse_conv/prologue.hpp"

#include "kernels/affine_relu.hpp"
#include "kernels/simd.hpp"

namespace tev {
namespace {

using namespace affine_relu;

template <class T>
TEV_SIMD_BODY void activate_body(T* rows, int64_t num_rows, int64_t channels, const T* scale, const T* shift, T negative_slope) {
  for (int64_t row = 0; row < num_rows; ++row, rows += channels) {
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) rows[c] = leaky_relu(affine(rows[c], scale[c], shift[c]), negative_slope);
  }
}

template <class T>
TEV_TARGET_AVX512 void activate_avx512(T* rows, int64_t num_rows, int64_t channels, const T* scale, const T* shift, T slope) {
  activate_body(rows, num_rows, channels, scale, shift, slope);
}
template <class T>
TEV_TARGET_AVX2 void activate_avx2(T* rows, int64_t num_rows, int64_t channels, const T* scale, const T* shift, T slope) {
  activate_body(rows, num_rows, channels, scale, shift, slope);
}
template <class T>
void activate_baseline(T* rows, int64_t num_rows, int64_t channels, const T* scale, const T* shift, T slope) {
  activate_body(rows, num_rows, channels, scale, shift, slope);
}

}  // namespace

template <class T>
Prologue<T>::Prologue(const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& shift, double negative_slope) : negative_slope_(static_cast<T>(negative_slope)) {
  if (!scale) return;
  scale_ = scale->contiguous();
  shift_ = shift->contiguous();
}

template <class T>
void Prologue<T>::operator()(T* rows, int64_t num_rows, int64_t channels) const {
  if (!scale_.defined()) return;
  pick_simd(activate_avx512<T>, activate_avx2<T>, activate_baseline<T>)(rows, num_rows, channels, scale_.const_data_ptr<T>(), shift_.const_data_ptr<T>(), negative_slope_);
}

template class Prologue<float>;
template class Prologue<double>;

}  // namespace tev
