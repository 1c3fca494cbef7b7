#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/shared_work.hpp"
#include "kernels/sparse_conv/map_tiles.hpp"
#include "kernels/sparse_conv/prologue.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/sparse_conv/sparse_conv_math.hpp"
#include "kernels/sparse_conv/tile_kernels_choice.hpp"

namespace tev {
namespace {

template <class scalar_t>
struct WeightGradient {
  using value_t = at::opmath_type<scalar_t>;

  const MapTiles& tiles;
  const TileKernels<value_t>& kernels;
  Panels panels;
  const scalar_t* x;     // [N, in]
  int64_t in;
  Prologue<value_t> prologue;
  const scalar_t* grad;  // [M, out]
  int64_t out;

  /// @param sum  [taps, in, columns], zero at first
  void run(int64_t first_tile, int64_t end_tile, value_t* sum) const {
    const int64_t stride = panels.columns();
    std::vector<value_t> halo(static_cast<size_t>(tiles.largest_halo() * in)), tile(static_cast<size_t>(kernel_map_math::tile_rows * stride));
    for (int64_t t = first_tile; t < end_tile; ++t) {
      tiles.check(t);
      prologue(halo.data(), tiles.gather(t, x, in, halo.data()), in);
      for (int64_t r = 0; r < tiles.rows(t); ++r)
        std::copy_n(grad + (t * kernel_map_math::tile_rows + r) * out, out, tile.begin() + r * stride);
      for (int64_t tap = 0; tap < tiles.num_taps(); ++tap) {
        const auto pairs = tiles.pairs(t, tap);
        if (pairs.empty()) continue;
        panels.for_each([&](int64_t first, int64_t columns) {
          kernels.multiply_transposed(halo.data(), in, tile.data() + first, columns, pairs.data(), static_cast<int64_t>(pairs.size()),
                                      sum + tap * in * stride + first, stride);
        });
      }
    }
  }
};

at::Tensor weight_backward_cpu(const at::Tensor& x_any, const at::Tensor& grad_any, at::TensorList map, int64_t num_taps,
                               const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& shift, double negative_slope) {
  const at::Tensor x = x_any.contiguous(), grad = grad_any.contiguous();
  const int64_t in = x.size(1), out = grad.size(1);
  const MapTiles tiles("tev::sparse_conv", map, num_taps, x.size(0));
  const int64_t block_tiles = sparse_conv_math::block_tiles(tiles.num_tiles());
  const int64_t num_blocks = (tiles.num_tiles() + block_tiles - 1) / block_tiles;
  at::Tensor result;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_conv_weight_backward", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const TileKernels<value_t> kernels = choose_tile_kernels<value_t>();
    const Panels panels(out, kernels.vector, TileKernels<value_t>::most_vectors);
    const int64_t stride = panels.columns(), size = num_taps * in * stride;
    const WeightGradient<scalar_t> gradient{tiles, kernels, panels, x.const_data_ptr<scalar_t>(), in, {scale, shift, negative_slope}, grad.const_data_ptr<scalar_t>(), out};
    std::vector<value_t> sums(static_cast<size_t>(num_blocks * size));
    share_work(num_blocks, [&] {
      return [&](int64_t b) { gradient.run(b * block_tiles, std::min(tiles.num_tiles(), (b + 1) * block_tiles), sums.data() + b * size); };
    });
    result = at::empty({num_taps, in, out}, x.options().dtype(c10::CppTypeToScalarType<value_t>::value));
    auto* to = result.template mutable_data_ptr<value_t>();
    at::parallel_for(0, num_taps * in, 64, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t c = 0; c < out; ++c) {
          value_t sum = 0;
          for (int64_t b = 0; b < num_blocks; ++b) sum += sums[static_cast<size_t>(b * size + row * stride + c)];
          to[row * out + c] = sum;
        }
    });
  });
  return result;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_sparse_conv_weight_backward", weight_backward_cpu); }

}  // namespace tev
