#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "kernels/affine_relu.hpp"
#include "kernels/cpu_output.hpp"
#include "kernels/shared_work.hpp"
#include "kernels/simd.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/sparse_conv/sparse_conv_math.hpp"

namespace tev {
namespace {

using namespace affine_relu;
using sparse_conv_math::block_rows;

template <class scalar_t>
struct PrologueRows {
  using value_t = at::opmath_type<scalar_t>;
  const scalar_t *x, *grad;     // [N, channels], of h
  scalar_t* grad_x;             // [N, channels]
  const value_t *scale, *shift;
  value_t negative_slope;
  int64_t channels;
};

/// @param sums  [2, channels]: of the gradients of scale and of shift, zero at first
template <class scalar_t, class value_t = at::opmath_type<scalar_t>>
TEV_SIMD_BODY void add_rows_body(const PrologueRows<scalar_t>& rows, int64_t begin, int64_t end, value_t* sums) {
  const int64_t channels = rows.channels;
  for (int64_t row = begin; row < end; ++row) {
    const scalar_t *x = rows.x + row * channels, *grad = rows.grad + row * channels;
    scalar_t* grad_x = rows.grad_x + row * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      const auto value = static_cast<value_t>(x[c]);
      const value_t inner = leaky_relu_gradient(static_cast<value_t>(grad[c]), affine(value, rows.scale[c], rows.shift[c]), rows.negative_slope);
      grad_x[c] = static_cast<scalar_t>(inner * rows.scale[c]);
      sums[c] += inner * value;
      sums[channels + c] += inner;
    }
  }
}

template <class scalar_t, class value_t = at::opmath_type<scalar_t>>
TEV_TARGET_AVX512 void add_rows_avx512(const PrologueRows<scalar_t>& rows, int64_t begin, int64_t end, value_t* sums) { add_rows_body(rows, begin, end, sums); }
template <class scalar_t, class value_t = at::opmath_type<scalar_t>>
TEV_TARGET_AVX2 void add_rows_avx2(const PrologueRows<scalar_t>& rows, int64_t begin, int64_t end, value_t* sums) { add_rows_body(rows, begin, end, sums); }
template <class scalar_t, class value_t = at::opmath_type<scalar_t>>
void add_rows_baseline(const PrologueRows<scalar_t>& rows, int64_t begin, int64_t end, value_t* sums) { add_rows_body(rows, begin, end, sums); }

/// out[c] = the sum over blocks of sums[block][c]
template <class value_t>
void add_blocks(const value_t* sums, int64_t num_blocks, int64_t stride, int64_t channels, value_t* out) {
  for (int64_t c = 0; c < channels; ++c) {
    double total = 0;
    for (int64_t block = 0; block < num_blocks; ++block) total += static_cast<double>(sums[block * stride + c]);
    out[c] = static_cast<value_t>(total);
  }
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> prologue_backward_cpu(const at::Tensor& x_any, const at::Tensor& grad_any, const at::Tensor& scale_any,
                                                                     const at::Tensor& shift_any, double negative_slope) {
  const at::Tensor x = x_any.contiguous(), grad = grad_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous();
  const int64_t num_rows = x.size(0), channels = x.size(1), num_blocks = (num_rows + block_rows - 1) / block_rows;
  const at::Tensor grad_x = empty_cpu_output(x.sizes(), x.options()), grad_scale = at::empty_like(scale), grad_shift = at::empty_like(shift);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_conv_prologue_backward", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const PrologueRows<scalar_t> rows{x.const_data_ptr<scalar_t>(), grad.const_data_ptr<scalar_t>(), grad_x.mutable_data_ptr<scalar_t>(),
                                      scale.const_data_ptr<value_t>(), shift.const_data_ptr<value_t>(), static_cast<value_t>(negative_slope), channels};
    const auto add_rows = pick_simd(add_rows_avx512<scalar_t>, add_rows_avx2<scalar_t>, add_rows_baseline<scalar_t>);
    std::vector<value_t> sums(static_cast<size_t>(num_blocks * 2 * channels));
    share_work(num_blocks, [&] {
      return [&](int64_t block) { add_rows(rows, block * block_rows, std::min(num_rows, (block + 1) * block_rows), sums.data() + block * 2 * channels); };
    });
    add_blocks(sums.data(), num_blocks, 2 * channels, channels, grad_scale.mutable_data_ptr<value_t>());
    add_blocks(sums.data() + channels, num_blocks, 2 * channels, channels, grad_shift.mutable_data_ptr<value_t>());
  });
  return {grad_x, grad_scale, grad_shift};
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_sparse_conv_prologue_backward", prologue_backward_cpu); }

}  // namespace tev
