#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "base/launch.cuh"
#include "kernels/affine_relu.hpp"
#include "kernels/batch_norm/batch_norm_math.hpp"

namespace tev {
namespace {

using namespace affine_relu;
using namespace batch_norm_math;

/// Rows and what one number a channel is for them; grad, of_x and constant in the backward alone.
template <class scalar_t>
struct Rows {
  using value_t = at::opmath_type<scalar_t>;
  const scalar_t* x;       // [N, channels]
  const scalar_t* grad;    // [N, channels]
  const value_t* scale;    // [channels]
  const value_t* shift;    // [channels]
  int64_t num_rows, channels;
  value_t negative_slope;

  __device__ value_t value(int64_t i) const { return static_cast<value_t>(x[i]); }
  __device__ value_t normal(int64_t i) const { return affine(value(i), scale[i % channels], shift[i % channels]); }
  __device__ value_t before_relu(int64_t i) const { return leaky_relu_gradient(static_cast<value_t>(grad[i]), normal(i), negative_slope); }
};

/// Element i = block * channels + channel of the sums of blocks [blocks, 2, channels].
template <class scalar_t>
struct SumBlock {
  Rows<scalar_t> rows;
  double* sums;
  bool of_gradients;

  __device__ void operator()(int64_t i) const {
    const int64_t block = i / rows.channels, channel = i % rows.channels, first = block * block_rows;
    const int64_t end = first + block_rows < rows.num_rows ? first + block_rows : rows.num_rows;
    double sum = 0, product = 0;
    for (int64_t row = first; row < end; ++row) {
      const int64_t at = row * rows.channels + channel;
      const auto x = static_cast<double>(rows.value(at));
      const double value = of_gradients ? static_cast<double>(rows.before_relu(at)) : x;
      sum += value;
      product += value * x;
    }
    sums[block * 2 * rows.channels + channel] = sum;
    sums[(block * 2 + 1) * rows.channels + channel] = product;
  }
};

/// Number i of the total [2, channels]: blocks in order.
struct JoinBlocks {
  const double* sums;
  int64_t num_blocks, width;
  double* total;

  __device__ void operator()(int64_t i) const {
    double sum = 0;
    for (int64_t block = 0; block < num_blocks; ++block) sum += sums[block * width + i];
    total[i] = sum;
  }
};

template <class scalar_t>
struct ApplyElement {
  Rows<scalar_t> rows;
  scalar_t* out;
  __device__ void operator()(int64_t i) const { out[i] = static_cast<scalar_t>(leaky_relu(rows.normal(i), rows.negative_slope)); }
};

template <class scalar_t>
struct GradientElement {
  using value_t = at::opmath_type<scalar_t>;
  Rows<scalar_t> rows;
  const value_t* of_x;      // [channels]
  const value_t* constant;  // [channels]
  scalar_t* grad_x;
  __device__ void operator()(int64_t i) const {
    const int64_t c = i % rows.channels;
    grad_x[i] = static_cast<scalar_t>(input_gradient(rows.before_relu(i), rows.value(i), rows.scale[c], of_x[c], constant[c]));
  }
};

template <class scalar_t>
void sum_rows(const Rows<scalar_t>& rows, bool of_gradients, const at::Tensor& x, double* total) {
  const int64_t num_blocks = (rows.num_rows + block_rows - 1) / block_rows;
  const at::Tensor sums = at::empty({num_blocks, 2, rows.channels}, x.options().dtype(at::kDouble));
  launch_for_each("tev::batch_norm_sums", x.device(), num_blocks * rows.channels, SumBlock<scalar_t>{rows, sums.mutable_data_ptr<double>(), of_gradients});
  launch_for_each("tev::batch_norm_sums", x.device(), 2 * rows.channels, JoinBlocks{sums.const_data_ptr<double>(), num_blocks, 2 * rows.channels, total});
}

at::Tensor batch_norm_sums_cuda(const at::Tensor& x_any) {
  const at::Tensor x = x_any.contiguous();
  at::Tensor sums = at::empty({3, x.size(1)}, x.options().dtype(at::kDouble));
  sums.select(0, 0).fill_(static_cast<double>(x.size(0)));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_sums", [&] {
    const Rows<scalar_t> rows{x.const_data_ptr<scalar_t>(), nullptr, nullptr, nullptr, x.size(0), x.size(1), {}};
    sum_rows(rows, false, x, sums.mutable_data_ptr<double>() + x.size(1));
  });
  return sums;
}

at::Tensor batch_norm_apply_cuda(const at::Tensor& x_any, const at::Tensor& scale_any, const at::Tensor& shift_any, double negative_slope) {
  const at::Tensor x = x_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous();
  at::Tensor out = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_apply", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const Rows<scalar_t> rows{x.const_data_ptr<scalar_t>(), nullptr, scale.const_data_ptr<value_t>(), shift.const_data_ptr<value_t>(), x.size(0), x.size(1),
                              static_cast<value_t>(negative_slope)};
    launch_for_each("tev::batch_norm", x.device(), x.numel(), ApplyElement<scalar_t>{rows, out.mutable_data_ptr<scalar_t>()});
  });
  return out;
}

at::Tensor batch_norm_backward_sums_cuda(const at::Tensor& grad_any, const at::Tensor& x_any, const at::Tensor& scale_any, const at::Tensor& shift_any,
                                         double negative_slope) {
  const at::Tensor grad = grad_any.contiguous(), x = x_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous();
  at::Tensor sums = at::empty({2, x.size(1)}, x.options().dtype(at::kDouble));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_backward_sums", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const Rows<scalar_t> rows{x.const_data_ptr<scalar_t>(), grad.const_data_ptr<scalar_t>(), scale.const_data_ptr<value_t>(), shift.const_data_ptr<value_t>(),
                              x.size(0), x.size(1), static_cast<value_t>(negative_slope)};
    sum_rows(rows, true, x, sums.mutable_data_ptr<double>());
  });
  return sums;
}

at::Tensor batch_norm_input_gradient_cuda(const at::Tensor& grad_any, const at::Tensor& x_any, const at::Tensor& scale_any, const at::Tensor& shift_any,
                                          const at::Tensor& of_x_any, const at::Tensor& constant_any, double negative_slope) {
  const at::Tensor grad = grad_any.contiguous(), x = x_any.contiguous(), scale = scale_any.contiguous(), shift = shift_any.contiguous(),
                   of_x = of_x_any.contiguous(), constant = constant_any.contiguous();
  at::Tensor grad_x = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "batch_norm_input_gradient", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const Rows<scalar_t> rows{x.const_data_ptr<scalar_t>(), grad.const_data_ptr<scalar_t>(), scale.const_data_ptr<value_t>(), shift.const_data_ptr<value_t>(),
                              x.size(0), x.size(1), static_cast<value_t>(negative_slope)};
    launch_for_each("tev::batch_norm_backward", x.device(), x.numel(),
                    GradientElement<scalar_t>{rows, of_x.const_data_ptr<value_t>(), constant.const_data_ptr<value_t>(), grad_x.mutable_data_ptr<scalar_t>()});
  });
  return grad_x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_batch_norm_sums", batch_norm_sums_cuda);
  m.impl("_batch_norm_apply", batch_norm_apply_cuda);
  m.impl("_batch_norm_backward_sums", batch_norm_backward_sums_cuda);
  m.impl("_batch_norm_input_gradient", batch_norm_input_gradient_cuda);
}

}  // namespace tev
