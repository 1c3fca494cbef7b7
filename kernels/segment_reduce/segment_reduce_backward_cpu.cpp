#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <torch/library.h>

#include <algorithm>

#include "kernels/cpu_output.hpp"
#include "kernels/row_shapes.hpp"
#include "kernels/segment_reduce/segment_blocks.hpp"
#include "kernels/segment_reduce/segment_reduce.hpp"
#include "kernels/segment_reduce/segment_reduce_math.hpp"
#include "kernels/segment_reduce/segment_tiles.hpp"
#include "kernels/simd.hpp"
#include "kernels/streaming.hpp"

namespace tev {
namespace {

using segment_reduce_math::block_rows;

/// One segment's part in the backward.
template <class scalar_t>
struct Spread {
  const scalar_t* grad;                      // [channels]
  const int64_t* arg;                        // [channels], or null: every row gets a share
  at::opmath_type<scalar_t> divisor;
  int64_t channels;
  Stores stores;
};

template <int width, class scalar_t>
TEV_SIMD_BODY void spread_tile(const Spread<scalar_t>& from, int64_t channel, RowBlock rows, scalar_t* grad_x) {
  using value_t = at::opmath_type<scalar_t>;
  using index_t = lane_index_t<scalar_t>;
  const scalar_t* grad = from.grad + channel;
  scalar_t share[width];
#pragma omp simd
  for (int c = 0; c < width; ++c) share[c] = static_cast<scalar_t>(static_cast<value_t>(grad[c]) / from.divisor);
  if (from.arg == nullptr) {
    for (int64_t r = 0; r < rows.size; ++r) store_tile<width>(grad_x + r * from.channels, share, from.stores);
    return;
  }
  index_t winner[width];
  for (int c = 0; c < width; ++c) {
    const int64_t relative = from.arg[channel + c] - rows.first;
    winner[c] = static_cast<index_t>(relative >= 0 && relative < rows.size ? relative : -1);
  }
  for (int64_t r = 0; r < rows.size; ++r) {
    scalar_t row[width];
#pragma omp simd
    for (int c = 0; c < width; ++c) row[c] = winner[c] == static_cast<index_t>(r) ? share[c] : scalar_t(0);
    store_tile<width>(grad_x + r * from.channels, row, from.stores);
  }
}

/// grad_x of a block of rows: grad / divisor for every row, or for the winning row alone where arg is given.
template <class scalar_t>
TEV_SIMD_BODY void spread_rows(const Spread<scalar_t>& from, RowBlock rows, scalar_t* grad_x) {
  for_each_tile(from.channels, [&](int64_t c, auto width) __attribute__((always_inline)) {
    spread_tile<decltype(width)::value>(from, c, rows, grad_x + c);
  });
}

template <class scalar_t>
TEV_TARGET_AVX512 void spread_rows_avx512(const Spread<scalar_t>& from, RowBlock rows, scalar_t* grad_x) {
  spread_rows(from, rows, grad_x);
}

template <class scalar_t>
TEV_TARGET_AVX2 void spread_rows_avx2(const Spread<scalar_t>& from, RowBlock rows, scalar_t* grad_x) {
  spread_rows(from, rows, grad_x);
}

template <class scalar_t>
void spread_rows_baseline(const Spread<scalar_t>& from, RowBlock rows, scalar_t* grad_x) {
  spread_rows(from, rows, grad_x);
}

template <class scalar_t>
void spread_gradient(const at::Tensor& grad, const int64_t* offsets, const int64_t* arg, bool divides,
                     at::Tensor& grad_x) {
  const auto spread =
      pick_simd(spread_rows_avx512<scalar_t>, spread_rows_avx2<scalar_t>, spread_rows_baseline<scalar_t>);
  const int64_t channels = flat_channels(grad);
  const Stores stores = choose_stores(grad_x, grad_x.nbytes());
  const scalar_t* from = grad.const_data_ptr<scalar_t>();
  scalar_t* to = grad_x.mutable_data_ptr<scalar_t>();
  const SegmentBlocks blocks(offsets, grad.size(0), block_rows);
  const auto spread_block = [&](int64_t segment, int64_t begin, int64_t end, int64_t) {
    const int64_t at = segment * channels;
    const int64_t divisor = divides ? std::max<int64_t>(offsets[segment + 1] - offsets[segment], 1) : 1;
    spread({from + at, arg ? arg + at : nullptr, static_cast<at::opmath_type<scalar_t>>(divisor), channels, stores},
           {begin, end - begin}, to + begin * channels);
  };
  blocks.parallel_for(grain_elements / std::max<int64_t>(channels, 1), spread_block, finish_stores);
}

at::Tensor segment_reduce_backward_cpu(const at::Tensor& grad_any, const at::Tensor& offsets_any,
                                       const at::Tensor& arg_any, std::string_view reduce, int64_t num_rows) {
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor grad = grad_any.contiguous(), offsets = offsets_any.contiguous(), arg = arg_any.contiguous();
  check_segment_offsets(offsets, num_rows);
  at::Tensor grad_x = empty_cpu_output(with_rows(grad.sizes(), num_rows), grad.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, grad.scalar_type(), "segment_reduce_backward", [&] {
    const int64_t* winners = keeps_row_index(reduction) ? arg.const_data_ptr<int64_t>() : nullptr;
    spread_gradient<scalar_t>(grad, offsets.const_data_ptr<int64_t>(), winners, reduction == SegmentReduction::mean,
                              grad_x);
  });
  return grad_x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_segment_reduce_backward", segment_reduce_backward_cpu); }

}  // namespace tev
