#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <torch/library.h>

#include <optional>
#include <tuple>

#include "base/launch.cuh"
#include "kernels/affine_relu.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/sparse_conv/sparse_conv_math.hpp"

namespace tev {
namespace {

using namespace kernel_map_math;
using sparse_conv_math::fused_multiply_add;

/// A map in device memory. Values are not read back: a pair that names what is not there is left out, so nothing outside is touched.
struct DeviceMap {
  const int32_t* pairs;
  const int64_t* taps;   // [tiles * num_taps + 1]
  const int32_t* halo;
  const int64_t* halos;  // [tiles + 1]
  int64_t num_pairs, num_halo, num_tiles, num_taps, num_rows, num_inputs;

  DeviceMap(at::TensorList map, int64_t taps_, int64_t inputs)
      : pairs(map[0].const_data_ptr<int32_t>()), taps(map[1].const_data_ptr<int64_t>()), halo(map[2].const_data_ptr<int32_t>()),
        halos(map[3].const_data_ptr<int64_t>()), num_pairs(map[0].numel()), num_halo(map[2].numel()), num_tiles(map[3].numel() - 1),
        num_taps(taps_), num_rows(map[4].size(0)), num_inputs(inputs) {}

  __device__ int64_t begin(int64_t list) const { return clamp(taps[list], num_pairs); }
  __device__ int64_t end(int64_t list) const { return clamp(taps[list + 1], num_pairs); }

  /// The input and the output of a pair of a tile; false: there is none.
  __device__ bool rows(int64_t tile, int64_t pair, int64_t& input, int64_t& output) const {
    const int64_t place = halos[tile] + place_of(pairs[pair]);
    if (place < 0 || place >= num_halo) return false;
    input = halo[place];
    output = tile * tile_rows + row_of(pairs[pair]);
    return input >= 0 && input < num_inputs && output < num_rows;
  }

  static __device__ int64_t clamp(int64_t value, int64_t most) { return value < 0 ? 0 : (value > most ? most : value); }
};

/// List i = tile * taps + tap of pairs, as a table.
struct FillTable {
  DeviceMap map;
  int32_t* table;  // [M, taps], -1 at first

  __device__ void operator()(int64_t i) const {
    for (int64_t pair = map.begin(i); pair < map.end(i); ++pair) {
      int64_t input, output;
      if (map.rows(i / map.num_taps, pair, input, output)) table[output * map.num_taps + i % map.num_taps] = static_cast<int32_t>(input);
    }
  }
};

/// What a tap sees of x, or of channel c of it.
template <class value_t>
struct DevicePrologue {
  const value_t *scale, *shift;  // [channels], or null: x itself
  value_t negative_slope;

  __device__ value_t operator()(value_t x, int64_t c) const {
    return scale == nullptr ? x : affine_relu::leaky_relu(affine_relu::affine(x, scale[c], shift[c]), negative_slope);
  }
};

/// Output element i = output * columns + column: taps, then channels, in order.
template <class scalar_t, class weight_t>
struct ConvolveElement {
  const scalar_t* x;       // [N, channels]
  const weight_t* weight;  // [taps, channels, columns]
  const weight_t* bias;    // [columns], or null
  const int32_t* table;    // [M, taps]
  DevicePrologue<at::opmath_type<scalar_t>> prologue;
  const scalar_t* residual;  // [M, columns], or null
  scalar_t* out;           // [M, columns]
  int64_t num_taps, channels, columns;

  __device__ void operator()(int64_t i) const {
    using value_t = at::opmath_type<scalar_t>;
    const int64_t column = i % columns;
    value_t sum = bias == nullptr ? value_t(0) : static_cast<value_t>(bias[column]);
    for (int64_t tap = 0; tap < num_taps; ++tap) {
      const int64_t input = table[i / columns * num_taps + tap];
      if (input < 0) continue;
      for (int64_t c = 0; c < channels; ++c)
        sum = fused_multiply_add(prologue(static_cast<value_t>(x[input * channels + c]), c),
                                 static_cast<value_t>(weight[(tap * channels + c) * columns + column]), sum);
    }
    if (residual != nullptr) sum += static_cast<value_t>(residual[i]);
    out[i] = static_cast<scalar_t>(sum);
  }
};

/// Element i = (tap * channels + channel) * columns + column of the gradient of weights: pairs in blocks of tiles, then the blocks.
template <class scalar_t>
struct WeightElement {
  using value_t = at::opmath_type<scalar_t>;
  DeviceMap map;
  const scalar_t* x;     // [N, channels]
  DevicePrologue<value_t> prologue;
  const scalar_t* grad;  // [M, columns]
  value_t* out;          // [taps, channels, columns]
  int64_t channels, columns;

  __device__ void operator()(int64_t i) const {
    const int64_t column = i % columns, channel = i / columns % channels, tap = i / columns / channels;
    const int64_t block = sparse_conv_math::block_tiles(map.num_tiles);
    value_t total = 0;
    for (int64_t first = 0; first < map.num_tiles; first += block) {
      value_t sum = 0;
      for (int64_t tile = first; tile < first + block && tile < map.num_tiles; ++tile) {
        const int64_t list = tile * map.num_taps + tap;
        for (int64_t pair = map.begin(list); pair < map.end(list); ++pair) {
          int64_t input, output;
          if (map.rows(tile, pair, input, output))
            sum = fused_multiply_add(prologue(static_cast<value_t>(x[input * channels + channel]), channel),
                                     static_cast<value_t>(grad[output * columns + column]), sum);
        }
      }
      total += sum;
    }
    out[i] = total;
  }
};

/// @param scale, shift  contiguous, or undefined
template <class value_t>
DevicePrologue<value_t> prologue_of(const at::Tensor& scale, const at::Tensor& shift, double negative_slope) {
  return {scale.defined() ? scale.const_data_ptr<value_t>() : nullptr, scale.defined() ? shift.const_data_ptr<value_t>() : nullptr,
          static_cast<value_t>(negative_slope)};
}

at::Tensor contiguous(const std::optional<at::Tensor>& tensor) { return tensor ? tensor->contiguous() : at::Tensor(); }

std::vector<at::Tensor> contiguous(at::TensorList map) {
  std::vector<at::Tensor> result;
  for (const auto& tensor : map) result.push_back(tensor.contiguous());
  return result;
}

at::Tensor sparse_conv_cuda(const at::Tensor& x_any, const at::Tensor& weight_any, const std::optional<at::Tensor>& bias_any, at::TensorList map_any,
                            bool, const std::optional<at::Tensor>& scale_any, const std::optional<at::Tensor>& shift_any, double negative_slope,
                            const std::optional<at::Tensor>& residual_any) {
  const at::Tensor x = x_any.contiguous(), weight = weight_any.contiguous(), bias = contiguous(bias_any), scale = contiguous(scale_any),
                   shift = contiguous(shift_any), residual = contiguous(residual_any);
  const auto map = contiguous(map_any);
  const int64_t num_taps = weight.size(0), channels = weight.size(1), columns = weight.size(2);
  const DeviceMap device_map(map, num_taps, x.size(0));
  const at::Tensor table = at::full({device_map.num_rows, num_taps}, -1, x.options().dtype(at::kInt));
  launch_for_each("tev::sparse_conv", x.device(), device_map.num_tiles * num_taps, FillTable{device_map, table.mutable_data_ptr<int32_t>()});
  at::Tensor out = at::empty({device_map.num_rows, columns}, x.options());
  const auto run = [&](auto scalar, auto weight_scalar) {
    using scalar_t = decltype(scalar);
    using weight_t = decltype(weight_scalar);
    launch_for_each("tev::sparse_conv", x.device(), out.numel(),
                    ConvolveElement<scalar_t, weight_t>{x.const_data_ptr<scalar_t>(), weight.const_data_ptr<weight_t>(),
                                                        bias.defined() ? bias.const_data_ptr<weight_t>() : nullptr, table.const_data_ptr<int32_t>(),
                                                        prologue_of<at::opmath_type<scalar_t>>(scale, shift, negative_slope),
                                                        residual.defined() ? residual.const_data_ptr<scalar_t>() : nullptr,
                                                        out.mutable_data_ptr<scalar_t>(), num_taps, channels, columns});
  };
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_conv", [&] {
    if (weight.scalar_type() == x.scalar_type()) run(scalar_t(), scalar_t());
    else run(scalar_t(), at::opmath_type<scalar_t>());
  });
  return out;
}

at::Tensor weight_backward_cuda(const at::Tensor& x_any, const at::Tensor& grad_any, at::TensorList map_any, int64_t num_taps,
                                const std::optional<at::Tensor>& scale_any, const std::optional<at::Tensor>& shift_any, double negative_slope) {
  const at::Tensor x = x_any.contiguous(), grad = grad_any.contiguous(), scale = contiguous(scale_any), shift = contiguous(shift_any);
  const auto map = contiguous(map_any);
  at::Tensor out;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, x.scalar_type(), "sparse_conv_weight_backward", [&] {
    using value_t = at::opmath_type<scalar_t>;
    out = at::empty({num_taps, x.size(1), grad.size(1)}, x.options().dtype(c10::CppTypeToScalarType<value_t>::value));
    launch_for_each("tev::sparse_conv_weight_backward", x.device(), out.numel(),
                    WeightElement<scalar_t>{DeviceMap(map, num_taps, x.size(0)), x.const_data_ptr<scalar_t>(), prologue_of<value_t>(scale, shift, negative_slope),
                                            grad.const_data_ptr<scalar_t>(), out.template mutable_data_ptr<value_t>(), x.size(1), grad.size(1)});
  });
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CUDA, m) {
  m.impl("_sparse_conv", sparse_conv_cuda);
  m.impl("_sparse_conv_weight_backward", weight_backward_cuda);
}

}  // namespace tev
