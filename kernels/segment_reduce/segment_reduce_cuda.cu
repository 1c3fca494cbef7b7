#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <tuple>

#include "base/launch.cuh"
#include "kernels/row_shapes.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "kernels/segment_reduce/segment_reduce_math.hpp"

namespace tev {
namespace {

using segment_reduce_math::Adder;
using segment_reduce_math::MaxKeeper;
using segment_reduce_math::MinKeeper;

/// Offsets in device memory. Values are clamped instead of read back: wrong ones give wrong numbers, never a wrong
/// address.
struct DeviceOffsets {
  const int64_t* values;  // [S + 1]
  int64_t num_rows;

  __device__ int64_t begin(int64_t segment) const { return clamp(values[segment], 0); }
  __device__ int64_t end(int64_t segment) const { return clamp(values[segment + 1], begin(segment)); }
  __device__ int64_t clamp(int64_t row, int64_t least) const {
    return row < least ? least : (row > num_rows ? num_rows : row);
  }
};

/// Output element i = segment * channels + channel: neighbouring threads read neighbouring channels.
template <class Joiner, class scalar_t>
struct ReduceColumn {
  const scalar_t* x;  // [N, channels]
  DeviceOffsets offsets;
  scalar_t* out;      // [S, channels]
  int64_t* arg;       // [S, channels], or null
  int64_t channels;
  bool divides;

  __device__ void operator()(int64_t i) const {
    using value_t = at::opmath_type<scalar_t>;
    const int64_t segment = i / channels;
    const int64_t begin = offsets.begin(segment), end = offsets.end(segment);
    value_t value = 0;
    int64_t row = -1;
    segment_reduce_math::reduce_column<Joiner>(x + i % channels, channels, begin, end, value, row);
    if (divides && end > begin) value /= static_cast<value_t>(end - begin);
    out[i] = static_cast<scalar_t>(value);
    if (arg != nullptr) arg[i] = row;
  }
};

/// grad_x of all rows of one segment, one channel.
template <class scalar_t>
struct SpreadColumn {
  const scalar_t* grad;  // [S, channels]
  DeviceOffsets offsets;
  const int64_t* arg;    // [S, channels], or null
  scalar_t* grad_x;      // [N, channels]
  int64_t channels;
  bool divides;

  __device__ void operator()(int64_t i) const {
    using value_t = at::opmath_type<scalar_t>;
    const int64_t segment = i / channels, channel = i % channels;
    const int64_t begin = offsets.begin(segment), end = offsets.end(segment);
    if (begin == end) return;
    const value_t divisor = divides ? static_cast<value_t>(end - begin) : value_t(1);
    const scalar_t share = static_cast<scalar_t>(static_cast<value_t>(grad[i]) / divisor);
    for (int64_t row = begin; row < end; ++row)
      grad_x[row * channels + channel] = arg == nullptr || arg[i] == row ? share : scalar_t(0);
  }
};

/// Reading values back would synchronise, so only debug builds do.
DeviceOffsets device_offsets(const at::Tensor& offsets, int64_t num_rows) {
#if defined(TEV_DEBUG)
  check_segment_offsets(offsets.cpu(), num_rows);
#endif
  return {offsets.const_data_ptr<int64_t>(), num_rows};
}

template <class scalar_t>
void launch_reduce(const at::Tensor& x, const at::Tensor& offsets, SegmentReduction reduction, at::Tensor& out,
                   int64_t* arg) {
  const auto run = [&](auto joiner) {
    const ReduceColumn<decltype(joiner), scalar_t> body{
        x.const_data_ptr<scalar_t>(), device_offsets(offsets, x.size(0)), out.mutable_data_ptr<scalar_t>(),
        arg, flat_channels(x), reduction == SegmentReduction::mean};
    launch_for_each("tev::segment_reduce", x.device(), out.numel(), body);
  };
  if (reduction == SegmentReduction::max) return run(MaxKeeper());
  if (reduction == SegmentReduction::min) return run(MinKeeper());
  run(Adder());
}

std::tuple<at::Tensor, at::Tensor> segment_reduce_cuda(const at::Tensor& x_any, const at::Tensor& offsets_any,
                                                       std::string_view reduce, bool with_arg) {
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor x = x_any.contiguous(), offsets = offsets_any.contiguous();
  const bool has_arg = with_arg && keeps_row_index(reduction);
  const at::DimVector shape = with_rows(x.sizes(), offsets.numel() - 1);
  at::Tensor out = at::empty(shape, x.options());
  at::Tensor arg = at::empty(has_arg ? at::IntArrayRef(shape) : at::IntArrayRef({0}), offsets.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "segment_reduce", [&] {
    launch_reduce<scalar_t>(x, offsets, reduction, out, has_arg ? arg.mutable_data_ptr<int64_t>() : nullptr);
  });
  return {out, arg};
}

at::Tensor segment_reduce_backward_cuda(const at::Tensor& grad_any, const at::Tensor& offsets_any,
                                        const at::Tensor& arg_any, std::string_view reduce, int64_t num_rows) {
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor grad = grad_any.contiguous(), offsets = offsets_any.contiguous(), arg = arg_any.contiguous();
  at::Tensor grad_x = at::empty(with_rows(grad.sizes(), num_rows), grad.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, grad.scalar_type(), "segment_reduce_backward", [&] {
    const SpreadColumn<scalar_t> body{grad.const_data_ptr<scalar_t>(), device_offsets(offsets, num_rows),
                                      keeps_row_index(reduction) ? arg.const_data_ptr<int64_t>() : nullptr,
                                      grad_x.mutable_data_ptr<scalar_t>(), flat_channels(grad),
                                      reduction == SegmentReduction::mean};
    launch_for_each("tev::segment_reduce_backward", grad.device(), grad.numel(), body);
  });
  return grad_x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_segment_reduce", segment_reduce_cuda);
  m.impl("_segment_reduce_backward", segment_reduce_backward_cuda);
}

}  // namespace tev
