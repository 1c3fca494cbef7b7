#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "kernels/affine_relu.hpp"
#include "kernels/batch_norm/batch_norm_math.hpp"
#include "kernels/batch_norm/row_sums.hpp"
#include "kernels/cpu_output.hpp"
#include "kernels/simd.hpp"

namespace tev {
namespace {

template <int width, class scalar_t>
TEV_SIMD_BODY void sum_tile(const scalar_t* x, int64_t channels, int64_t rows, double* sums, double* squares) {
  double sum[width] = {}, square[width] = {};
  for (int64_t r = 0; r < rows; ++r) {
    const scalar_t* row = x + r * channels;
    prefetch_rows<width>(row, channels);
#pragma omp simd
    for (int c = 0; c < width; ++c) {
      const auto value = static_cast<double>(static_cast<at::opmath_type<scalar_t>>(row[c]));
      sum[c] += value;
      square[c] += value * value;
    }
  }
  for (int c = 0; c < width; ++c) {
    sums[c] = sum[c];
    squares[c] = square[c];
  }
}

/// sums[2 * channels]: of rows [rows, channels] from x on, then of their squares.
template <class scalar_t>
TEV_SIMD_BODY void sum_block(const scalar_t* x, int64_t channels, int64_t rows, double* sums) {
  for_each_sum_tile(channels, [&](int64_t c, auto width) __attribute__((always_inline)) {
    sum_tile<decltype(width)::value>(x + c, channels, rows, sums + c, sums + channels + c);
  });
}

/// What a row goes through.
template <class value_t>
struct Affine {
  const value_t* scale;  // [channels]
  const value_t* shift;  // [channels]
  int64_t channels;
  value_t negative_slope;
};

template <class scalar_t, class value_t>
TEV_SIMD_BODY void apply_rows(const scalar_t* x, const Affine<value_t>& affine, int64_t rows, scalar_t* out) {
  const int64_t channels = affine.channels;
  const value_t negative_slope = affine.negative_slope;  // no load under a condition, which would not vectorise
  for (int64_t r = 0; r < rows; ++r, x += channels, out += channels) {
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c)
      out[c] = static_cast<scalar_t>(affine_relu::leaky_relu(
          affine_relu::affine(static_cast<value_t>(x[c]), affine.scale[c], affine.shift[c]), negative_slope));
  }
}

template <class scalar_t>
TEV_TARGET_AVX512 void sum_block_avx512(const scalar_t* x, int64_t channels, int64_t rows, double* sums) { sum_block(x, channels, rows, sums); }
template <class scalar_t>
TEV_TARGET_AVX2 void sum_block_avx2(const scalar_t* x, int64_t channels, int64_t rows, double* sums) { sum_block(x, channels, rows, sums); }
template <class scalar_t>
void sum_block_baseline(const scalar_t* x, int64_t channels, int64_t rows, double* sums) { sum_block(x, channels, rows, sums); }

template <class scalar_t, class value_t>
TEV_TARGET_AVX512 void apply_rows_avx512(const scalar_t* x, const Affine<value_t>& affine, int64_t rows, scalar_t* out) { apply_rows(x, affine, rows, out); }
template <class scalar_t, class value_t>
TEV_TARGET_AVX2 void apply_rows_avx2(const scalar_t* x, const Affine<value_t>& affine, int64_t rows, scalar_t* out) { apply_rows(x, affine, rows, out); }
template <class scalar_t, class value_t>
void apply_rows_baseline(const scalar_t* x, const Affine<value_t>& affine, int64_t rows, scalar_t* out) { apply_rows(x, affine, rows, out); }

at::Tensor batch_norm_sums_cpu(const at::Tensor& x_any) {
  const at::Tensor x = x_any.contiguous();
  const int64_t num_rows = x.size(0), channels = x.size(1);
  at::Tensor sums = at::empty({3, channels}, x.options().dtype(at::kDouble));
  auto* to = sums.mutable_data_ptr<double>();
  std::fill_n(to, channels, static_cast<double>(num_rows));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_sums", [&] {
    const auto sum = pick_simd(sum_block_avx512<scalar_t>, sum_block_avx2<scalar_t>, sum_block_baseline<scalar_t>);
    const scalar_t* from = x.const_data_ptr<scalar_t>();
    sum_rows(num_rows, channels, [&](int64_t row, int64_t rows, double* block) { sum(from + row * channels, channels, rows, block); }, to + channels);
  });
  return sums;
}

at::Tensor batch_norm_apply_cpu(const at::Tensor& x_any, const at::Tensor& scale_any, const at::Tensor& shift_any, double negative_slope) {
  const at::Tensor x = x_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous();
  const int64_t channels = x.size(1);
  at::Tensor out = empty_cpu_output(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_apply", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const auto apply = pick_simd(apply_rows_avx512<scalar_t, value_t>, apply_rows_avx2<scalar_t, value_t>, apply_rows_baseline<scalar_t, value_t>);
    const Affine<value_t> affine{scale.const_data_ptr<value_t>(), shift.const_data_ptr<value_t>(), channels, static_cast<value_t>(negative_slope)};
    const scalar_t* from = x.const_data_ptr<scalar_t>();
    scalar_t* to = out.mutable_data_ptr<scalar_t>();
    for_each_rows(x.size(0), channels, [&](int64_t row, int64_t rows) { apply(from + row * channels, affine, rows, to + row * channels); });
  });
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) {
  m.impl("_batch_norm_sums", batch_norm_sums_cpu);
  m.impl("_batch_norm_apply", batch_norm_apply_cpu);
}

}  // namespace tev
