#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/unique_dim.h>
#include <ATen/ops/where.h>

#include <limits>
#include <tuple>
#include <vector>

#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/voxel_index/voxel_index.hpp"
#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev {
namespace {

/// What a tap reaches of each voxel: keys, and whether there is one that a key can name.
std::tuple<at::Tensor, at::Tensor> reached(const at::Tensor& coords, const ConvolutionShape& shape, int64_t tap, bool transposed) {
  const int64_t taps[3] = {tap / (shape.size[1] * shape.size[2]), tap / shape.size[2] % shape.size[1], tap % shape.size[2]};
  at::Tensor key = (coords.select(1, 0) - voxel_key::values / 2), valid = key.eq(key);
  for (int i = 0; i < 3; ++i) {
    const int64_t offset = shape.dilation[i] * taps[i] - shape.dilation[i] * (shape.size[i] - 1) / 2;
    at::Tensor at = coords.select(1, i + 1);
    if (transposed) {
      at = at - offset;
      valid = valid & at.remainder(shape.stride[i]).eq(0);
      at = at.div(shape.stride[i], "floor");
    } else {
      at = at * shape.stride[i] + offset;
    }
    valid = valid & at.ge(int64_t{voxel_key::least}) & at.le(int64_t{voxel_key::most});
    key = key * int64_t{voxel_key::values} + (at - int64_t{voxel_key::least});
  }
  return {key, valid};
}

}  // namespace

// No size of a tensor is read: the tracer would bake it into the graph. The least of all keys stands after the last input, so that what
// is greater than every input finds something that it does not equal.
at::Tensor kernel_table_portable(const at::Tensor& inputs, const at::Tensor& outputs, const ConvolutionShape& shape, bool transposed) {
  const at::Tensor coords = voxel_coords(outputs).to(at::kLong);
  const at::Tensor known = at::cat({inputs, inputs.new_full({1}, std::numeric_limits<int64_t>::min())});
  std::vector<at::Tensor> columns;
  for (int64_t tap = 0; tap < shape.num_taps(); ++tap) {
    const auto [keys, valid] = reached(coords, shape, tap, transposed);
    const at::Tensor place = at::searchsorted(inputs, keys);
    const at::Tensor found = valid & known.index_select(0, place).eq(keys);
    columns.push_back(at::where(found, place, -1));
  }
  return at::stack(columns, 1);
}

at::Tensor coarse_voxels_portable(const at::Tensor& fine, const ConvolutionShape& shape) {
  const at::Tensor coords = voxel_coords(fine).to(at::kLong);
  std::vector<at::Tensor> all;
  for (int64_t tap = 0; tap < shape.num_taps(); ++tap) {
    const auto [keys, valid] = reached(coords, shape, tap, /*transposed=*/true);
    all.push_back(keys.masked_select(valid));
  }
  return std::get<0>(at::_unique2(at::cat(all)));
}

}  // namespace tev
