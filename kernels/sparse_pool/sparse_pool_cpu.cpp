#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "kernels/cpu_output.hpp"
#include "kernels/segment_reduce/segment_tiles.hpp"
#include "kernels/simd.hpp"
#include "kernels/sparse_conv/map_tiles.hpp"
#include "kernels/sparse_pool/sparse_pool.hpp"
#include "kernels/sparse_pool/sparse_pool_backend.hpp"
#include "kernels/sparse_pool/sparse_pool_math.hpp"

namespace tev {
namespace {

using kernel_map_math::tile_rows;

/// Joins rows of x by a functor of sparse_pool_math.
template <class Joiner, class in_t>
struct JoinRows {
  using value_t = at::opmath_type<in_t>;
  const in_t* x;  // [N, channels]
  int64_t channels;

  TEV_SIMD_BODY void operator()(int32_t input, int32_t, bool first, value_t* value, int32_t* winner) const {
    const in_t* row = x + input * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) Joiner::join(value[c], winner[c], static_cast<value_t>(row[c]), input, first);
  }
};

/// The backward of a maximum over the reverse map, whose inputs are the outputs of the pooling: adds what was won.
template <class in_t>
struct AddWon {
  using value_t = at::opmath_type<in_t>;
  const in_t* grad;    // [M, channels]
  const int32_t* arg;  // [M, channels]
  int64_t channels;

  TEV_SIMD_BODY void operator()(int32_t pooled, int32_t input, bool, value_t* value, int32_t*) const {
    const in_t* row = grad + pooled * channels;
    const int32_t* winner = arg + pooled * channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) value[c] += sparse_pool_math::passed(static_cast<value_t>(row[c]), winner[c], input);
  }
};

/// The running values of a tile's outputs.
template <class value_t>
struct TileValues {
  explicit TileValues(int64_t channels) : values(static_cast<size_t>(tile_rows * channels)), winners(values.size()) {}

  void clear() {
    std::fill(values.begin(), values.end(), value_t(0));
    std::fill(winners.begin(), winners.end(), -1);
    counts.fill(0);
  }
  std::vector<value_t> values;             // [128, channels]
  std::vector<int32_t> winners;            // [128, channels]
  std::array<int32_t, tile_rows> counts{};  // inputs joined so far
};

template <class Join>
TEV_SIMD_BODY void join_tile(const Join& join, const MapTiles& tiles, const int32_t* halo, int64_t tile, TileValues<typename Join::value_t>& to) {
  for (int64_t tap = 0; tap < tiles.num_taps(); ++tap)
    for (const int32_t pair : tiles.pairs(tile, tap)) {
      const int64_t row = kernel_map_math::row_of(pair), at = row * join.channels;
      join(halo[kernel_map_math::place_of(pair)], static_cast<int32_t>(tile * tile_rows + row), to.counts[row]++ == 0, to.values.data() + at,
           to.winners.data() + at);
    }
}

template <class Join>
TEV_TARGET_AVX512 void join_tile_avx512(const Join& join, const MapTiles& tiles, const int32_t* halo, int64_t tile, TileValues<typename Join::value_t>& to) {
  join_tile(join, tiles, halo, tile, to);
}

template <class Join>
TEV_TARGET_AVX2 void join_tile_avx2(const Join& join, const MapTiles& tiles, const int32_t* halo, int64_t tile, TileValues<typename Join::value_t>& to) {
  join_tile(join, tiles, halo, tile, to);
}

template <class Join>
void join_tile_baseline(const Join& join, const MapTiles& tiles, const int32_t* halo, int64_t tile, TileValues<typename Join::value_t>& to) {
  join_tile(join, tiles, halo, tile, to);
}

/// The map that a pooling, or the backward of one, goes over.
struct PoolMap {
  /// @param mirrored  used as its own reverse, which is checked
  PoolMap(at::TensorList map, int64_t num_inputs, bool mirrored = false)
      : halo(map[2].contiguous()), halo_offsets(map[3].contiguous()), mask(mirrored ? map[4].contiguous() : at::Tensor()), tiles("tev::sparse_pool", map, num_taps_of(map), num_inputs) {}

  void check(int64_t tile) const {
    tiles.check(tile);
    if (mask.defined()) tiles.check_mirrors(tile, mask);
  }

  const int32_t* halo_of(int64_t tile) const { return halo.const_data_ptr<int32_t>() + halo_offsets.const_data_ptr<int64_t>()[tile]; }

  at::Tensor halo, halo_offsets, mask;
  MapTiles tiles;
};

/// @param arg  where the winners go, or null
template <class Join, class out_t>
void pool(const Join& join, const PoolMap& map, bool divides, out_t* out, int32_t* arg) {
  using value_t = typename Join::value_t;
  const auto join_tile = pick_simd(join_tile_avx512<Join>, join_tile_avx2<Join>, join_tile_baseline<Join>);
  const int64_t channels = join.channels, grain = std::max<int64_t>(1, grain_elements / (tile_rows * std::max<int64_t>(1, channels)));
  at::parallel_for(0, map.tiles.num_tiles(), grain, [&](int64_t begin, int64_t end) {
    TileValues<value_t> tile(channels);
    for (int64_t t = begin; t < end; ++t) {
      map.check(t);
      tile.clear();
      join_tile(join, map.tiles, map.halo_of(t), t, tile);
      const int64_t first = t * tile_rows * channels;
      for (int64_t r = 0; r < map.tiles.rows(t); ++r) {
        const auto divisor = static_cast<value_t>(divides ? std::max(tile.counts[r], 1) : 1);
        for (int64_t c = r * channels; c < (r + 1) * channels; ++c) out[first + c] = static_cast<out_t>(tile.values[c] / divisor);
      }
      if (arg != nullptr) std::copy_n(tile.winners.begin(), map.tiles.rows(t) * channels, arg + first);
    }
  });
}

std::tuple<at::Tensor, at::Tensor> sparse_pool_cpu(const at::Tensor& x_any, at::TensorList map_tensors, std::string_view reduce, bool with_arg) {
  using namespace segment_reduce_math;
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor x = x_any.contiguous();
  const PoolMap map(map_tensors, x.size(0));
  const bool has_arg = with_arg && keeps_row_index(reduction);
  const int64_t channels = x.size(1);
  at::Tensor out = empty_cpu_output({map.tiles.num_rows(), channels}, x.options());
  at::Tensor arg = has_arg ? empty_cpu_output(out.sizes(), x.options().dtype(at::kInt)) : at::empty({0}, x.options().dtype(at::kInt));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_pool", [&] {
    const scalar_t* from = x.const_data_ptr<scalar_t>();
    scalar_t* to = out.mutable_data_ptr<scalar_t>();
    int32_t* winners = has_arg ? arg.mutable_data_ptr<int32_t>() : nullptr;
    if (reduction == SegmentReduction::max) pool(JoinRows<sparse_pool_math::Taker<MaxKeeper>, scalar_t>{from, channels}, map, false, to, winners);
    else if (reduction == SegmentReduction::min) pool(JoinRows<sparse_pool_math::Taker<MinKeeper>, scalar_t>{from, channels}, map, false, to, winners);
    else pool(JoinRows<sparse_pool_math::Adder, scalar_t>{from, channels}, map, reduction == SegmentReduction::mean, to, nullptr);
  });
  return {out, arg};
}

at::Tensor sparse_pool_backward_cpu(const at::Tensor& grad_any, const at::Tensor& arg_any, at::TensorList map_tensors, at::TensorList reverse, std::string_view reduce) {
  const SegmentReduction reduction = segment_reduction_from(reduce);
  const at::Tensor arg = arg_any.contiguous();
  const PoolMap map(reverse.empty() ? map_tensors : reverse, grad_any.size(0), /*mirrored=*/reverse.empty());
  const at::Tensor grad = (reduction == SegmentReduction::mean ? shares_of_mean(grad_any, map_tensors) : grad_any).contiguous();
  const int64_t channels = grad.size(1);
  at::Tensor grad_x = empty_cpu_output({map.tiles.num_rows(), channels}, grad_any.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, grad_any.scalar_type(), "sparse_pool_backward", [&] {
    using value_t = at::opmath_type<scalar_t>;
    scalar_t* to = grad_x.mutable_data_ptr<scalar_t>();
    if (keeps_row_index(reduction)) pool(AddWon<scalar_t>{grad.const_data_ptr<scalar_t>(), arg.const_data_ptr<int32_t>(), channels}, map, false, to, nullptr);
    else if (reduction == SegmentReduction::sum) pool(JoinRows<sparse_pool_math::Adder, scalar_t>{grad.const_data_ptr<scalar_t>(), channels}, map, false, to, nullptr);
    else pool(JoinRows<sparse_pool_math::Adder, value_t>{grad.const_data_ptr<value_t>(), channels}, map, false, to, nullptr);
  });
  return grad_x;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) {
  m.impl("_sparse_pool", sparse_pool_cpu);
  m.impl("_sparse_pool_backward", sparse_pool_backward_cpu);
}

}  // namespace tev
