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

/// Rows of the backward, and what one number a channel is for them.
template <class scalar_t>
struct Backward {
  using value_t = at::opmath_type<scalar_t>;
  const scalar_t* grad;    // [N, channels]
  const scalar_t* x;       // [N, channels]
  const value_t* scale;    // [channels]
  const value_t* shift;    // [channels]
  int64_t channels;
  value_t negative_slope;
  const value_t* of_x;      // [channels], or null for sums
  const value_t* constant;  // [channels], or null for sums
};

/// The gradient of what is normalised.
template <class value_t>
TEV_SIMD_BODY value_t before_relu(value_t grad, value_t x, value_t scale, value_t shift, value_t negative_slope) {
  return affine_relu::leaky_relu_gradient(grad, affine_relu::affine(x, scale, shift), negative_slope);
}

template <int width, class scalar_t>
TEV_SIMD_BODY void sum_tile(const Backward<scalar_t>& from, int64_t channel, int64_t first, int64_t rows, double* sums, double* products) {
  using value_t = at::opmath_type<scalar_t>;
  double sum[width] = {}, product[width] = {};
  const value_t negative_slope = from.negative_slope;  // no load under a condition, which would not vectorise
  value_t scale[width], shift[width];
  for (int c = 0; c < width; ++c) {
    scale[c] = from.scale[channel + c];
    shift[c] = from.shift[channel + c];
  }
  for (int64_t r = first; r < first + rows; ++r) {
    const scalar_t *grad = from.grad + r * from.channels + channel, *x = from.x + r * from.channels + channel;
    prefetch_rows<width>(grad, from.channels);
    prefetch_rows<width>(x, from.channels);
#pragma omp simd
    for (int c = 0; c < width; ++c) {
      const auto value = static_cast<value_t>(x[c]);
      const auto g = static_cast<double>(before_relu(static_cast<value_t>(grad[c]), value, scale[c], shift[c], negative_slope));
      sum[c] += g;
      product[c] += g * static_cast<double>(value);
    }
  }
  for (int c = 0; c < width; ++c) {
    sums[c] = sum[c];
    products[c] = product[c];
  }
}

/// sums[2 * channels]: of the gradients of some rows, then of their products with x.
template <class scalar_t>
TEV_SIMD_BODY void sum_block(const Backward<scalar_t>& from, int64_t first, int64_t rows, double* sums) {
  for_each_sum_tile(from.channels, [&](int64_t c, auto width) __attribute__((always_inline)) {
    sum_tile<decltype(width)::value>(from, c, first, rows, sums + c, sums + from.channels + c);
  });
}

template <class scalar_t>
TEV_SIMD_BODY void input_gradient(const Backward<scalar_t>& from, int64_t first, int64_t rows, scalar_t* to) {
  using value_t = at::opmath_type<scalar_t>;
  const value_t negative_slope = from.negative_slope;
  for (int64_t r = first; r < first + rows; ++r) {
    const scalar_t *grad = from.grad + r * from.channels, *x = from.x + r * from.channels;
    scalar_t* grad_x = to + r * from.channels;
#pragma omp simd
    for (int64_t c = 0; c < from.channels; ++c) {
      const auto value = static_cast<value_t>(x[c]);
      const value_t g = before_relu(static_cast<value_t>(grad[c]), value, from.scale[c], from.shift[c], negative_slope);
      grad_x[c] = static_cast<scalar_t>(batch_norm_math::input_gradient(g, value, from.scale[c], from.of_x[c], from.constant[c]));
    }
  }
}

template <class scalar_t>
TEV_TARGET_AVX512 void sum_block_avx512(const Backward<scalar_t>& from, int64_t first, int64_t rows, double* sums) { sum_block(from, first, rows, sums); }
template <class scalar_t>
TEV_TARGET_AVX2 void sum_block_avx2(const Backward<scalar_t>& from, int64_t first, int64_t rows, double* sums) { sum_block(from, first, rows, sums); }
template <class scalar_t>
void sum_block_baseline(const Backward<scalar_t>& from, int64_t first, int64_t rows, double* sums) { sum_block(from, first, rows, sums); }

template <class scalar_t>
TEV_TARGET_AVX512 void input_gradient_avx512(const Backward<scalar_t>& from, int64_t first, int64_t rows, scalar_t* to) { input_gradient(from, first, rows, to); }
template <class scalar_t>
TEV_TARGET_AVX2 void input_gradient_avx2(const Backward<scalar_t>& from, int64_t first, int64_t rows, scalar_t* to) { input_gradient(from, first, rows, to); }
template <class scalar_t>
void input_gradient_baseline(const Backward<scalar_t>& from, int64_t first, int64_t rows, scalar_t* to) { input_gradient(from, first, rows, to); }

at::Tensor batch_norm_backward_sums_cpu(const at::Tensor& grad_any, const at::Tensor& x_any, const at::Tensor& scale_any, const at::Tensor& shift_any,
                                        double negative_slope) {
  const at::Tensor grad = grad_any.contiguous(), x = x_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous();
  at::Tensor sums = at::empty({2, x.size(1)}, x.options().dtype(at::kDouble));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_backward_sums", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const auto sum = pick_simd(sum_block_avx512<scalar_t>, sum_block_avx2<scalar_t>, sum_block_baseline<scalar_t>);
    const Backward<scalar_t> from{grad.const_data_ptr<scalar_t>(), x.const_data_ptr<scalar_t>(), scale.const_data_ptr<value_t>(),
                                  shift.const_data_ptr<value_t>(), x.size(1), static_cast<value_t>(negative_slope), nullptr, nullptr};
    sum_rows(x.size(0), x.size(1), [&](int64_t row, int64_t rows, double* block) { sum(from, row, rows, block); }, sums.mutable_data_ptr<double>());
  });
  return sums;
}

at::Tensor batch_norm_input_gradient_cpu(const at::Tensor& grad_any, const at::Tensor& x_any, const at::Tensor& scale_any, const at::Tensor& shift_any,
                                         const at::Tensor& of_x_any, const at::Tensor& constant_any, double negative_slope) {
  const at::Tensor grad = grad_any.contiguous(), x = x_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous(),
                   of_x = of_x_any.contiguous(), constant = constant_any.contiguous();
  at::Tensor grad_x = empty_cpu_output(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_input_gradient", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const auto run = pick_simd(input_gradient_avx512<scalar_t>, input_gradient_avx2<scalar_t>, input_gradient_baseline<scalar_t>);
    const Backward<scalar_t> from{grad.const_data_ptr<scalar_t>(), x.const_data_ptr<scalar_t>(), scale.const_data_ptr<value_t>(),
                                  shift.const_data_ptr<value_t>(), x.size(1), static_cast<value_t>(negative_slope), of_x.const_data_ptr<value_t>(),
                                  constant.const_data_ptr<value_t>()};
    scalar_t* to = grad_x.mutable_data_ptr<scalar_t>();
    for_each_rows(x.size(0), x.size(1), [&](int64_t row, int64_t rows) { run(from, row, rows, to); });
  });
  return grad_x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) {
  m.impl("_batch_norm_backward_sums", batch_norm_backward_sums_cpu);
  m.impl("_batch_norm_input_gradient", batch_norm_input_gradient_cpu);
}

}  // namespace tev
