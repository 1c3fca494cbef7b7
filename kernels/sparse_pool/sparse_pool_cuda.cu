#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <tuple>
#include <vector>

#include "base/launch.cuh"
#include "kernels/kernel_map/kernel_map_math.hpp"
#include "kernels/sparse_pool/sparse_pool.hpp"
#include "kernels/sparse_pool/sparse_pool_backend.hpp"
#include "kernels/sparse_pool/sparse_pool_math.hpp"

namespace tev {
namespace {

using kernel_map_math::tile_rows;

/// A map in device memory. Values are not read back: a pair that names what is not there is left out, so nothing outside is touched.
struct DevicePairs {
  const int32_t* pairs;
  const int64_t* taps;   // [tiles * num_taps + 1]
  const int32_t* halo;
  const int64_t* halos;  // [tiles + 1]
  int64_t num_pairs, num_halo, num_taps, num_inputs;

  static __device__ int64_t clamp(int64_t value, int64_t most) { return value < 0 ? 0 : (value > most ? most : value); }

  /// The input that a tap joins with an output, or -1: outputs rise within the list of a tap.
  __device__ int32_t input(int64_t output, int64_t tap) const {
    const int64_t tile = output / tile_rows, list = tile * num_taps + tap;
    const auto row = static_cast<int32_t>(output % tile_rows);
    int64_t begin = clamp(taps[list], num_pairs), end = clamp(taps[list + 1], num_pairs);
    const int64_t last = end;
    while (begin < end) {
      const int64_t middle = begin + (end - begin) / 2;
      if (kernel_map_math::row_of(pairs[middle]) < row) begin = middle + 1;
      else end = middle;
    }
    if (begin >= last || kernel_map_math::row_of(pairs[begin]) != row) return -1;
    const int64_t place = halos[tile] + kernel_map_math::place_of(pairs[begin]);
    if (place < 0 || place >= num_halo) return -1;
    return halo[place] < num_inputs ? halo[place] : -1;
  }
};

/// Output element i = output * channels + channel: taps in order.
template <class Joiner, class in_t, class out_t>
struct PoolElement {
  const in_t* x;  // [N, channels]
  DevicePairs map;
  out_t* out;     // [M, channels]
  int32_t* arg;   // [M, channels], or null
  int64_t channels;
  bool divides;

  __device__ void operator()(int64_t i) const {
    using value_t = at::opmath_type<in_t>;
    value_t value = 0;
    int32_t winner = -1, count = 0;
    for (int64_t tap = 0; tap < map.num_taps; ++tap) {
      const int32_t input = map.input(i / channels, tap);
      if (input < 0) continue;
      Joiner::join(value, winner, static_cast<value_t>(x[input * channels + i % channels]), input, count++ == 0);
    }
    out[i] = static_cast<out_t>(divides && count > 1 ? value / static_cast<value_t>(count) : value);
    if (arg != nullptr) arg[i] = winner;
  }
};

/// The same of the backward of a maximum, over the reverse map.
template <class scalar_t>
struct AddWonElement {
  const scalar_t* grad;  // [M, channels]
  const int32_t* arg;    // [M, channels]
  DevicePairs map;
  scalar_t* grad_x;      // [N, channels]
  int64_t channels;

  __device__ void operator()(int64_t i) const {
    using value_t = at::opmath_type<scalar_t>;
    value_t value = 0;
    for (int64_t tap = 0; tap < map.num_taps; ++tap) {
      const int32_t pooled = map.input(i / channels, tap);
      if (pooled < 0) continue;
      const int64_t at = pooled * channels + i % channels;
      value += sparse_pool_math::passed(static_cast<value_t>(grad[at]), arg[at], static_cast<int32_t>(i / channels));
    }
    grad_x[i] = static_cast<scalar_t>(value);
  }
};

/// A map with what keeps its memory.
struct PoolMap {
  PoolMap(at::TensorList map, int64_t num_inputs) {
    for (const auto& tensor : map) kept.push_back(tensor.contiguous());
    pairs = {kept[0].const_data_ptr<int32_t>(), kept[1].const_data_ptr<int64_t>(), kept[2].const_data_ptr<int32_t>(), kept[3].const_data_ptr<int64_t>(),
             kept[0].numel(), kept[2].numel(), num_taps_of(map), num_inputs};
  }
  std::vector<at::Tensor> kept;
  DevicePairs pairs;
};

template <class Joiner, class in_t, class out_t>
void launch_pool(const at::Tensor& x, const PoolMap& map, bool divides, const at::Tensor& out, int32_t* arg) {
  launch_for_each("tev::sparse_pool", x.device(), out.numel(),
                  PoolElement<Joiner, in_t, out_t>{x.const_data_ptr<in_t>(), map.pairs, out.mutable_data_ptr<out_t>(), arg, x.size(1), divides});
}

std::tuple<at::Tensor, at::Tensor> sparse_pool_cuda(const at::Tensor& x_any, at::TensorList map_tensors, std::string_view reduce, bool with_arg) {
  using namespace segment_reduce_math;
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor x = x_any.contiguous();
  const PoolMap map(map_tensors, x.size(0));
  const bool has_arg = with_arg && keeps_row_index(reduction);
  at::Tensor out = at::empty({map_tensors[4].size(0), x.size(1)}, x.options());
  at::Tensor arg = at::empty(has_arg ? out.sizes() : at::IntArrayRef({0}), x.options().dtype(at::kInt));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_pool", [&] {
    int32_t* winners = has_arg ? arg.mutable_data_ptr<int32_t>() : nullptr;
    if (reduction == SegmentReduction::max) launch_pool<sparse_pool_math::Taker<MaxKeeper>, scalar_t, scalar_t>(x, map, false, out, winners);
    else if (reduction == SegmentReduction::min) launch_pool<sparse_pool_math::Taker<MinKeeper>, scalar_t, scalar_t>(x, map, false, out, winners);
    else launch_pool<sparse_pool_math::Adder, scalar_t, scalar_t>(x, map, reduction == SegmentReduction::mean, out, nullptr);
  });
  return {out, arg};
}

at::Tensor sparse_pool_backward_cuda(const at::Tensor& grad_any, const at::Tensor& arg_any, at::TensorList map_tensors, at::TensorList reverse, std::string_view reduce) {
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor arg = arg_any.contiguous();
  const PoolMap map(reverse.empty() ? map_tensors : reverse, grad_any.size(0));
  const at::Tensor grad = (reduction == SegmentReduction::mean ? shares_of_mean(grad_any, map_tensors) : grad_any).contiguous();
  at::Tensor grad_x = at::empty({map.kept[4].size(0), grad.size(1)}, grad_any.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, grad_any.scalar_type(), "sparse_pool_backward", [&] {
    using value_t = at::opmath_type<scalar_t>;
    if (keeps_row_index(reduction))
      launch_for_each("tev::sparse_pool_backward", grad.device(), grad_x.numel(),
                      AddWonElement<scalar_t>{grad.const_data_ptr<scalar_t>(), arg.const_data_ptr<int32_t>(), map.pairs, grad_x.mutable_data_ptr<scalar_t>(), grad.size(1)});
    else if (reduction == SegmentReduction::sum) launch_pool<sparse_pool_math::Adder, scalar_t, scalar_t>(grad, map, false, grad_x, nullptr);
    else launch_pool<sparse_pool_math::Adder, value_t, scalar_t>(grad, map, false, grad_x, nullptr);
  });
  return grad_x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_sparse_pool", sparse_pool_cuda);
  m.impl("_sparse_pool_backward", sparse_pool_backward_cuda);
}

}  // namespace tev
