#pragma once
// Voxels for tests, and what a convolution of them is, found the slow way.

#include <ATen/TensorOperators.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/unique_dim.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <map>
#include <ostream>
#include <set>
#include <tuple>
#include <vector>

#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"
#include "kernels/sparse_conv/sparse_conv.hpp"
#include "kernels/voxel_index/voxel_index.hpp"

namespace tev {

inline std::ostream& operator<<(std::ostream& out, const ConvolutionShape& s) {
  return out << "size " << at::IntArrayRef(s.size) << " stride " << at::IntArrayRef(s.stride) << " dilation " << at::IntArrayRef(s.dilation);
}

namespace test {

/// Submanifold, strided, dilated, even, mixed, large, and steps longer than the kernel.
inline const std::vector<ConvolutionShape> convolution_shapes = {
    {},
    {{1, 1, 1}},
    {{2, 2, 2}, {2, 2, 2}},
    {{3, 3, 3}, {2, 2, 2}},
    {{5, 5, 5}},
    {{2, 2, 2}},
    {{5, 3, 1}, {1, 1, 1}, {2, 1, 3}},
    {{3, 3, 3}, {1, 1, 1}, {3, 2, 1}},
    {{2, 3, 4}, {3, 1, 2}, {2, 1, 1}},
    {{1, 2, 3}, {4, 4, 4}},
};

/// [N, 4] int32, no voxel twice, in random order; of `events` events, each axis within [-extent, extent).
inline at::Tensor random_coords(int64_t draws, int64_t extent, int64_t events = 3) {
  const at::Tensor drawn = at::randint(-extent, extent, {draws, 4}, at::kInt);
  drawn.select(1, 0).copy_(at::randint(0, events, {draws}, at::kInt));
  const at::Tensor once = std::get<0>(at::unique_dim(drawn, 0));
  return once.index_select(0, at::randperm(once.size(0), at::kLong)).contiguous();
}

using Coords = std::array<int32_t, 4>;

inline std::vector<Coords> as_rows(const at::Tensor& coords_any) {
  const at::Tensor coords = coords_any.cpu().contiguous();
  std::vector<Coords> rows(static_cast<size_t>(coords.size(0)));
  if (!rows.empty()) std::copy_n(coords.const_data_ptr<int32_t>(), 4 * rows.size(), rows.front().data());
  return rows;
}

/// (output, tap, input)
using Pair = std::tuple<int64_t, int64_t, int64_t>;

/// The contract of ConvolutionShape, tap by tap, over a table of all inputs.
inline std::set<Pair> slow_pairs(const std::vector<Coords>& inputs, const std::vector<Coords>& outputs, const ConvolutionShape& shape, bool transposed) {
  std::map<Coords, int64_t> row;
  for (size_t i = 0; i < inputs.size(); ++i) row[inputs[i]] = static_cast<int64_t>(i);
  std::set<Pair> pairs;
  for (size_t o = 0; o < outputs.size(); ++o)
    for (int64_t tap = 0; tap < shape.num_taps(); ++tap) {
      const int64_t taps[3] = {tap / (shape.size[1] * shape.size[2]), tap / shape.size[2] % shape.size[1], tap % shape.size[2]};
      Coords reached = outputs[o];
      bool whole = true;
      for (int i = 0; i < 3; ++i) {
        const int64_t offset = shape.dilation[i] * taps[i] - shape.dilation[i] * (shape.size[i] - 1) / 2, at = outputs[o][i + 1];
        whole &= !transposed || (at - offset) % shape.stride[i] == 0;
        reached[i + 1] = static_cast<int32_t>(transposed ? (at - offset) / shape.stride[i] : shape.stride[i] * at + offset);
      }
      if (const auto found = row.find(reached); whole && found != row.end()) pairs.insert({static_cast<int64_t>(o), tap, found->second});
    }
  return pairs;
}

/// The pairs of a map in the order in which it has them.
inline std::vector<Pair> pairs_of(const KernelMap& map, int64_t num_taps) {
  const at::Tensor pairs = map.pairs.cpu(), taps = map.tap_offsets.cpu(), halo = map.halo.cpu(), halos = map.halo_offsets.cpu();
  std::vector<Pair> result;
  for (int64_t list = 0; list + 1 < taps.numel(); ++list)
    for (int64_t i = taps.const_data_ptr<int64_t>()[list]; i < taps.const_data_ptr<int64_t>()[list + 1]; ++i) {
      const int32_t pair = pairs.const_data_ptr<int32_t>()[i];
      const int64_t tile = list / num_taps, place = halos.const_data_ptr<int64_t>()[tile] + kernel_map_math::place_of(pair);
      result.push_back({tile * kernel_map_math::tile_rows + kernel_map_math::row_of(pair), list % num_taps, halo.const_data_ptr<int32_t>()[place]});
    }
  return result;
}

/// The voxels of a convolution and its maps.
struct Geometry {
  ConvolutionShape shape;
  at::Tensor inputs, outputs;  ///< keys
  ConvolutionMaps maps;
};

/// Onto the same voxels where the stride is 1, onto the coarse ones otherwise.
inline Geometry geometry_of(const at::Tensor& coords, const ConvolutionShape& shape) {
  Geometry geometry{shape, voxel_index(coords).keys, {}, {}};
  const bool same = shape.stride == std::array<int64_t, 3>{1, 1, 1};
  geometry.outputs = same ? geometry.inputs : coarse_voxels(geometry.inputs, shape);
  geometry.maps = convolution_maps(geometry.inputs, geometry.outputs, shape);
  return geometry;
}

inline Geometry to_device(Geometry geometry, at::DeviceType device) {
  const auto move = [device](KernelMap& map) {
    for (at::Tensor* tensor : {&map.pairs, &map.tap_offsets, &map.halo, &map.halo_offsets, &map.mask}) *tensor = tensor->to(device);
  };
  move(geometry.maps.forward);
  if (geometry.maps.reverse) move(*geometry.maps.reverse);
  return geometry;
}

}  // namespace test
}  // namespace tev
