#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/cpu_output.hpp"
#include "kernels/shared_work.hpp"
#include "kernels/sparse_conv/map_tiles.hpp"
#include "kernels/sparse_conv/prologue.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/sparse_conv/tile_kernels_choice.hpp"

namespace tev {
namespace {

/// Weights as the kernels read them: for each tap its panels, each [in channels, columns].
template <class value_t>
class PackedWeights {
 public:
  template <class weight_t>
  PackedWeights(const weight_t* weight, int64_t num_taps, int64_t in, int64_t out, const Panels& panels)
      : tap_size_(in * panels.columns()), in_(in), values_(static_cast<size_t>(num_taps * tap_size_)) {
    at::parallel_for(0, num_taps, 1, [&](int64_t begin, int64_t end) {
      for (int64_t tap = begin; tap < end; ++tap)
        panels.for_each([&](int64_t first, int64_t columns) {
          value_t* to = values_.data() + tap * tap_size_ + first * in;
          for (int64_t i = 0; i < in; ++i, to += columns) {
            const weight_t* from = weight + (tap * in + i) * out + first;
            std::copy_n(from, std::min(columns, out - first), to);
          }
        });
    });
  }

  const value_t* panel(int64_t tap, int64_t first) const { return values_.data() + tap * tap_size_ + first * in_; }

 private:
  int64_t tap_size_, in_;
  std::vector<value_t> values_;
};

template <class scalar_t>
struct Convolution {
  using value_t = at::opmath_type<scalar_t>;

  const MapTiles& tiles;
  const TileKernels<value_t>& kernels;
  Panels panels;
  const PackedWeights<value_t>& weights;
  const scalar_t* x;               // [N, in]
  int64_t in;
  Prologue<value_t> prologue;
  std::vector<value_t> bias;       // [columns], or empty
  const scalar_t* residual;        // [M, out_channels], or null
  scalar_t* out;                   // [M, out_channels]
  int64_t out_channels;

  /// Memory of one thread.
  struct Scratch {
    std::vector<value_t> halo, tile;
  };
  Scratch scratch() const {
    const auto zeros = [](int64_t count) { return std::vector<value_t>(static_cast<size_t>(count)); };
    return {zeros(tiles.largest_halo() * in), zeros(kernel_map_math::tile_rows * panels.columns())};
  }

  void run(int64_t t, Scratch& scratch) const {
    value_t *halo = scratch.halo.data(), *tile = scratch.tile.data();
    prologue(halo, tiles.gather(t, x, in, halo), in);
    const int64_t rows = tiles.rows(t), stride = panels.columns();
    for (int64_t r = 0; r < rows; ++r)
      if (bias.empty()) std::fill_n(tile + r * stride, stride, value_t(0));
      else std::copy(bias.begin(), bias.end(), tile + r * stride);
    for (int64_t tap = 0; tap < tiles.num_taps(); ++tap) {
      const auto pairs = tiles.pairs(t, tap);
      if (pairs.empty()) continue;
      panels.for_each([&](int64_t first, int64_t columns) {
        kernels.multiply(halo, in, weights.panel(tap, first), columns, pairs.data(), static_cast<int64_t>(pairs.size()), tile + first, stride);
      });
    }
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t first = (t * kernel_map_math::tile_rows + r) * out_channels;
      value_t* sums = tile + r * stride;
      if (residual != nullptr)
        for (int64_t c = 0; c < out_channels; ++c) sums[c] += static_cast<value_t>(residual[first + c]);
      std::copy_n(sums, out_channels, out + first);
    }
  }
};

at::Tensor sparse_conv_cpu(const at::Tensor& x_any, const at::Tensor& weight_any, const std::optional<at::Tensor>& bias_any, at::TensorList map,
                           bool mirrored, const std::optional<at::Tensor>& scale, const std::optional<at::Tensor>& shift, double negative_slope,
                           const std::optional<at::Tensor>& residual_any) {
  const at::Tensor x = x_any.contiguous(), weight = weight_any.contiguous();
  const int64_t num_taps = weight.size(0), in = weight.size(1), out_channels = weight.size(2);
  const MapTiles tiles("tev::sparse_conv", map, num_taps, x.size(0));
  const at::Tensor mask = map[4].contiguous(), residual = residual_any ? residual_any->contiguous() : at::Tensor();
  at::Tensor out = empty_cpu_output({tiles.num_rows(), out_channels}, x.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_conv", [&] {
    using value_t = at::opmath_type<scalar_t>;
    const TileKernels<value_t> kernels = choose_tile_kernels<value_t>();
    const Panels panels(out_channels, kernels.vector, TileKernels<value_t>::most_vectors);
    const auto pack = [&] {
      if (weight.scalar_type() == x.scalar_type()) return PackedWeights<value_t>(weight.const_data_ptr<scalar_t>(), num_taps, in, out_channels, panels);
      return PackedWeights<value_t>(weight.to(c10::CppTypeToScalarType<value_t>::value).template const_data_ptr<value_t>(), num_taps, in, out_channels, panels);
    };
    const PackedWeights<value_t> weights = pack();
    std::vector<value_t> bias;
    if (bias_any) {
      const at::Tensor values = bias_any->to(c10::CppTypeToScalarType<value_t>::value).contiguous();
      bias.assign(values.const_data_ptr<value_t>(), values.const_data_ptr<value_t>() + out_channels);
      bias.resize(static_cast<size_t>(panels.columns()));
    }
    const Convolution<scalar_t> convolution{tiles, kernels, panels, weights, x.const_data_ptr<scalar_t>(), in, {scale, shift, negative_slope}, std::move(bias),
                                            residual.defined() ? residual.const_data_ptr<scalar_t>() : nullptr, out.mutable_data_ptr<scalar_t>(), out_channels};
    share_work(tiles.num_tiles(), [&] {
      return [&, scratch = convolution.scratch()](int64_t tile) mutable {
        tiles.check(tile);
        if (mirrored) tiles.check_mirrors(tile, mask);
        convolution.run(tile, scratch);
      };
    });
  });
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_sparse_conv", sparse_conv_cpu); }

}  // namespace tev
