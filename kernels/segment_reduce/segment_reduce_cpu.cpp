#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

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

using segment_reduce_math::Adder;
using segment_reduce_math::block_rows;
using segment_reduce_math::MaxKeeper;
using segment_reduce_math::MinKeeper;

/// Rows are read once, front to back, a few at a time: too short a run for the hardware to look far ahead by itself.
template <int width, class in_t>
TEV_SIMD_BODY void prefetch_ahead(const in_t* row) {
  constexpr int line_bytes = 64, distance_bytes = 4096;
  const char* ahead = reinterpret_cast<const char*>(row) + distance_bytes;
  for (size_t byte = 0; byte + line_bytes <= width * sizeof(in_t); byte += line_bytes) __builtin_prefetch(ahead + byte);
}

template <class Joiner, int width, class in_t, class out_t>
TEV_SIMD_BODY void reduce_tile(const in_t* x, int64_t channels, RowBlock rows, at::opmath_type<in_t> divisor,
                               out_t* out, int64_t* arg, Stores stores) {
  using value_t = at::opmath_type<in_t>;
  using index_t = lane_index_t<value_t>;
  value_t value[width];
  index_t index[width];
  prefetch_ahead<width>(x);
#pragma omp simd
  for (int c = 0; c < width; ++c) {
    value[c] = static_cast<value_t>(x[c]);
    index[c] = 0;
  }
  for (int64_t r = 1; r < rows.size; ++r) {
    const in_t* row = x + r * channels;
    prefetch_ahead<width>(row);
#pragma omp simd
    for (int c = 0; c < width; ++c)
      Joiner::join(value[c], index[c], static_cast<value_t>(row[c]), static_cast<index_t>(r));
  }
  out_t result[width];
#pragma omp simd
  for (int c = 0; c < width; ++c) result[c] = static_cast<out_t>(value[c] / divisor);
  store_tile<width>(out, result, stores);
  if (arg == nullptr) return;
  for (int c = 0; c < width; ++c) arg[c] = rows.first + index[c];
}

/// out[channels] = the reduction of rows [size, channels] from x on, divided by the divisor; arg the row of each, or
/// null.
template <class Joiner, class in_t, class out_t>
TEV_SIMD_BODY void reduce_rows(const in_t* x, int64_t channels, RowBlock rows, at::opmath_type<in_t> divisor,
                               out_t* out, int64_t* arg, Stores stores) {
  for_each_tile(channels, [&](int64_t c, auto width) __attribute__((always_inline)) {
    reduce_tile<Joiner, decltype(width)::value>(x + c, channels, rows, divisor, out + c, arg ? arg + c : nullptr,
                                                stores);
  });
}

template <class Joiner, class in_t, class out_t>
TEV_TARGET_AVX512 void reduce_rows_avx512(const in_t* x, int64_t channels, RowBlock rows, at::opmath_type<in_t> divisor,
                                          out_t* out, int64_t* arg, Stores stores) {
  reduce_rows<Joiner>(x, channels, rows, divisor, out, arg, stores);
}

template <class Joiner, class in_t, class out_t>
TEV_TARGET_AVX2 void reduce_rows_avx2(const in_t* x, int64_t channels, RowBlock rows, at::opmath_type<in_t> divisor,
                                      out_t* out, int64_t* arg, Stores stores) {
  reduce_rows<Joiner>(x, channels, rows, divisor, out, arg, stores);
}

template <class Joiner, class in_t, class out_t>
void reduce_rows_baseline(const in_t* x, int64_t channels, RowBlock rows, at::opmath_type<in_t> divisor, out_t* out,
                          int64_t* arg, Stores stores) {
  reduce_rows<Joiner>(x, channels, rows, divisor, out, arg, stores);
}

template <class Joiner, class in_t, class out_t>
auto pick_reduce_rows() {
  return pick_simd(reduce_rows_avx512<Joiner, in_t, out_t>, reduce_rows_avx2<Joiner, in_t, out_t>,
                   reduce_rows_baseline<Joiner, in_t, out_t>);
}

/// One reduction over tensors whose trailing dimensions are flattened.
template <class scalar_t>
struct Reduction {
  using value_t = at::opmath_type<scalar_t>;

  const scalar_t* x;       // [N, channels]
  const int64_t* offsets;  // [num_segments + 1]
  scalar_t* out;           // [num_segments, channels]
  int64_t* arg;            // [num_segments, channels], or null
  int64_t num_segments;
  int64_t channels;
  bool divides;
  Stores stores;

  value_t divisor(int64_t segment) const {
    return divides ? static_cast<value_t>(offsets[segment + 1] - offsets[segment]) : value_t(1);
  }
  int64_t* arg_of(int64_t segment) const { return arg ? arg + segment * channels : nullptr; }

  void clear(int64_t segment) const {
    std::fill_n(out + segment * channels, channels, scalar_t(0));
    if (arg) std::fill_n(arg_of(segment), channels, int64_t(-1));
  }

  template <class Joiner>
  void run() const {
    const SegmentBlocks blocks(offsets, num_segments, block_rows);
    const int64_t grain = grain_elements / std::max<int64_t>(channels, 1);
    std::vector<value_t> partial(blocks.num_slots() * channels);
    std::vector<int64_t> partial_arg(arg ? partial.size() : 0);
    const auto reduce = pick_reduce_rows<Joiner, scalar_t, scalar_t>();
    const auto reduce_partly = pick_reduce_rows<Joiner, scalar_t, value_t>();
    blocks.parallel_for(grain, [&](int64_t segment, int64_t begin, int64_t end, int64_t slot) {
      const RowBlock rows{begin, end - begin};
      const scalar_t* from = x + begin * channels;
      if (begin == end) {
        clear(segment);
      } else if (slot == SegmentBlocks::no_slot) {
        reduce(from, channels, rows, divisor(segment), out + segment * channels, arg_of(segment), stores);
      } else {
        reduce_partly(from, channels, rows, value_t(1), partial.data() + slot * channels,
                      arg ? partial_arg.data() + slot * channels : nullptr, Stores::plain);
      }
    }, finish_stores);
    join_blocks<Joiner>(blocks, partial, partial_arg);
  }

  /// Joins the partial results of long segments: the same reduction once more, with blocks as rows.
  template <class Joiner>
  void join_blocks(const SegmentBlocks& blocks, const std::vector<value_t>& partial,
                   const std::vector<int64_t>& partial_arg) const {
    const auto reduce = pick_reduce_rows<Joiner, value_t, scalar_t>();
    const int64_t count = static_cast<int64_t>(blocks.long_segments().size());
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto [segment, slot] = blocks.long_segments()[i];
        int64_t* arg_row = arg_of(segment);
        reduce(partial.data() + slot * channels, channels, {slot, blocks.num_blocks(segment)}, divisor(segment),
               out + segment * channels, arg_row, Stores::plain);
        for (int64_t c = 0; arg_row != nullptr && c < channels; ++c)
          arg_row[c] = partial_arg[arg_row[c] * channels + c];
      }
    });
  }
};

std::tuple<at::Tensor, at::Tensor> segment_reduce_cpu(const at::Tensor& x_any, const at::Tensor& offsets_any,
                                                      std::string_view reduce, bool with_arg) {
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor x = x_any.contiguous(), offsets = offsets_any.contiguous();
  check_segment_offsets(offsets, x.size(0));
  const bool has_arg = with_arg && keeps_row_index(reduction);
  const at::DimVector shape = with_rows(x.sizes(), offsets.numel() - 1);
  at::Tensor out = empty_cpu_output(shape, x.options());
  at::Tensor arg = empty_cpu_output(has_arg ? at::IntArrayRef(shape) : at::IntArrayRef({0}), offsets.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "segment_reduce", [&] {
    const Reduction<scalar_t> run{x.const_data_ptr<scalar_t>(), offsets.const_data_ptr<int64_t>(),
                                  out.mutable_data_ptr<scalar_t>(), has_arg ? arg.mutable_data_ptr<int64_t>() : nullptr,
                                  offsets.numel() - 1, flat_channels(x), reduction == SegmentReduction::mean,
                                  choose_stores(out, x.nbytes())};
    if (reduction == SegmentReduction::max) {
      run.template run<MaxKeeper>();
    } else if (reduction == SegmentReduction::min) {
      run.template run<MinKeeper>();
    } else {
      run.template run<Adder>();
    }
  });
  return {out, arg};
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_segment_reduce", segment_reduce_cpu); }

}  // namespace tev
