#include "kernels/kernel_map/map_from_table.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/zeros.h>

#include <vector>

namespace tev {
namespace {

using namespace kernel_map_math;

/// [n + 1]: 0 and the sums of the first counts.
at::Tensor offsets_of(const at::Tensor& counts) { return at::cat({counts.new_zeros({1}), counts.cumsum(0)}); }

/// Bit t % 32 of word t / 32.
at::Tensor mask_of(const at::Tensor& found) {
  const int64_t words = mask_words(found.size(1));
  const at::Tensor bits = at::constant_pad_nd(found.to(at::kLong), {0, words * mask_bits - found.size(1)}).view({found.size(0), words, mask_bits});
  return bits.bitwise_left_shift(at::arange(mask_bits, bits.options())).sum(2).to(at::kInt);
}

}  // namespace

KernelMapTensors map_from_table(const at::Tensor& table, int64_t num_inputs) {
  const int64_t num_outputs = table.size(0), num_taps = table.size(1), num_tiles = (num_outputs + tile_rows - 1) / tile_rows;
  const at::Tensor by_tap =
      at::constant_pad_nd(table, {0, 0, 0, num_tiles * tile_rows - num_outputs}, -1).view({num_tiles, tile_rows, num_taps}).transpose(1, 2).contiguous();
  const at::Tensor found = by_tap.ge(0);
  const at::Tensor where = found.nonzero();  // (tile, tap, row), in this order
  const at::Tensor tile = where.select(1, 0);
  const auto [halo, place, unused] = at::_unique2(tile * std::max<int64_t>(1, num_inputs) + by_tap.masked_select(found), /*sorted=*/true, /*return_inverse=*/true);
  const at::Tensor halo_offsets = at::searchsorted(halo, at::arange(num_tiles + 1, halo.options()) * std::max<int64_t>(1, num_inputs));
  const at::Tensor pairs = (place - halo_offsets.index_select(0, tile)) * tile_rows + where.select(1, 2);
  return {pairs.to(at::kInt), offsets_of(found.sum(2).view({-1})), halo.remainder(std::max<int64_t>(1, num_inputs)).to(at::kInt), halo_offsets,
          mask_of(table.ge(0))};
}

}  // namespace tev
