#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "base/check.hpp"
#include "kernels/cpu_output.hpp"
#include "kernels/kernel_map/kernel_map.hpp"
#include "kernels/kernel_map/kernel_map_backend.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {
namespace {

using namespace kernel_map_math;
using voxel_key::Fields;

/// Tiles that one thread takes at a time.
constexpr int64_t kChunkTiles = 16;

/// What the tiles of a chunk need, one after the other.
struct Chunk {
  std::vector<int32_t> pairs, halo;
  std::vector<int64_t> tap_counts, halo_counts;
};

/// The map of tiles in their order, by one thread.
///
/// For a fixed (tap_x, tap_y) the inputs that rising outputs reach rise too (field by field, so also in keys), and the taps along z
/// reach the neighbours of one place. So each of size_x * size_y columns is a merge of two sorted lists, without a hash: the linear
/// form of the search of Minuet (EuroSys 2024).
class TileMapper {
 public:
  TileMapper(const Kernel& kernel, at::IntArrayRef inputs, at::IntArrayRef outputs, int32_t* mask)
      : kernel_(kernel), inputs_(inputs), outputs_(outputs), mask_(mask), words_(mask_words(kernel.num_taps())), seen_(inputs.size()),
        of_tap_(static_cast<size_t>(kernel.z.size)) {
    for (auto& pairs : of_tap_) pairs.reserve(tile_rows);
  }

  Chunk map(int64_t first_tile, int64_t end_tile) {
    Chunk chunk;
    cursors_.assign(static_cast<size_t>(kernel_.x.size * kernel_.y.size), -1);
    for (int64_t tile = first_tile; tile < end_tile; ++tile) {
      tile_ = static_cast<int32_t>(tile);
      unpack_outputs();
      halo_.clear();
      runs_.clear();
      const size_t first_pair = chunk.pairs.size();
      for (int32_t tap_x = 0; tap_x < kernel_.x.size; ++tap_x)
        for (int32_t tap_y = 0; tap_y < kernel_.y.size; ++tap_y) {
          runs_.push_back(halo_.size());
          map_column(tap_x, tap_y);
          for (auto& pairs : of_tap_) {
            chunk.pairs.insert(chunk.pairs.end(), pairs.begin(), pairs.end());
            chunk.tap_counts.push_back(static_cast<int64_t>(pairs.size()));
            pairs.clear();
          }
        }
      sort_halo();
      for (size_t i = first_pair; i < chunk.pairs.size(); ++i)
        chunk.pairs[i] = pack_pair(seen_[halo_[place_of(chunk.pairs[i])]].place, row_of(chunk.pairs[i]));
      chunk.halo.insert(chunk.halo.end(), sorted_.begin(), sorted_.end());
      chunk.halo_counts.push_back(static_cast<int64_t>(sorted_.size()));
    }
    return chunk;
  }

 private:
  struct Output {
    Fields at;
    int32_t least_z, most_z;  ///< of the inputs that its taps along z reach
  };
  struct Seen {
    int32_t tile = -1, place = 0;
  };

  void map_column(int32_t tap_x, int32_t tap_y) {
    const int64_t column = tap_x * kernel_.y.size + tap_y, num_inputs = static_cast<int64_t>(inputs_.size());
    int64_t cursor = cursors_[column];
    for (size_t row = 0; row < tile_outputs_.size(); ++row) {
      const Output& output = tile_outputs_[row];
      Fields at{output.at.event, 0, 0, 0};
      if (!kernel_.x.input_of(output.at.x, tap_x, at.x) || !kernel_.y.input_of(output.at.y, tap_y, at.y)) continue;
      const int64_t base = voxel_key::pack(at), least = base + output.least_z, most = base + output.most_z;
      if (cursor < 0) cursor = std::lower_bound(inputs_.begin(), inputs_.end(), least) - inputs_.begin();
      while (cursor < num_inputs && inputs_[cursor] < least) ++cursor;
      for (int64_t input = cursor; input < num_inputs && inputs_[input] <= most; ++input) {
        int32_t tap_z = 0;
        if (!kernel_.z.tap_of(output.at.z, static_cast<int32_t>(inputs_[input] - base), tap_z)) continue;
        of_tap_[tap_z].push_back(pack_pair(place_in_halo(input), static_cast<int32_t>(row)));
        const int64_t tap = column * kernel_.z.size + tap_z;
        mask_[(tile_ * tile_rows + static_cast<int64_t>(row)) * words_ + tap / mask_bits] |= static_cast<int32_t>(uint32_t{1} << (tap % mask_bits));
      }
    }
    cursors_[column] = cursor;
  }

  /// The outputs of the tile, taken apart once for all columns.
  void unpack_outputs() {
    tile_outputs_.clear();
    const int64_t begin = tile_ * tile_rows, end = std::min<int64_t>(begin + tile_rows, static_cast<int64_t>(outputs_.size()));
    for (int64_t i = begin; i < end; ++i) {
      const Fields at = voxel_key::unpack(outputs_[i]);
      tile_outputs_.push_back({at, kernel_.z.least_input(at.z), kernel_.z.most_input(at.z)});
    }
  }

  /// Of an input in the halo of this tile, at whose end it stands from now on if it was not there.
  int32_t place_in_halo(int64_t input) {
    Seen& seen = seen_[input];
    if (seen.tile != tile_) {
      seen = {tile_, static_cast<int32_t>(halo_.size())};
      halo_.push_back(static_cast<int32_t>(input));
    }
    return seen.place;
  }

  /// Into rising order. What a column added mostly rises already, so columns are merged in pairs.
  void sort_halo() {
    sorted_ = halo_;
    runs_.push_back(sorted_.size());
    for (size_t run = 0; run + 1 < runs_.size(); ++run)
      if (const auto begin = sorted_.begin() + runs_[run], end = sorted_.begin() + runs_[run + 1]; !std::is_sorted(begin, end)) std::sort(begin, end);
    for (size_t width = 1; width + 1 < runs_.size(); width *= 2)
      for (size_t run = 0; run + width + 1 < runs_.size(); run += 2 * width)
        std::inplace_merge(sorted_.begin() + runs_[run], sorted_.begin() + runs_[run + width], sorted_.begin() + runs_[std::min(run + 2 * width, runs_.size() - 1)]);
    for (size_t i = 0; i < sorted_.size(); ++i) seen_[sorted_[i]].place = static_cast<int32_t>(i);
  }

  const Kernel kernel_;
  const at::IntArrayRef inputs_, outputs_;
  int32_t* const mask_;
  const int64_t words_;
  std::vector<Seen> seen_;                        ///< of each input
  std::vector<std::vector<int32_t>> of_tap_;      ///< pairs of the taps along z of a column
  std::vector<int64_t> cursors_;                  ///< of each column into the inputs; -1: not yet in this chunk
  int32_t tile_ = 0;
  std::vector<Output> tile_outputs_;
  std::vector<int32_t> halo_, sorted_;            ///< of this tile, as it was found and rising
  std::vector<size_t> runs_;                      ///< where in halo_ the inputs of each column begin, that no column before had
};

at::IntArrayRef checked_keys(const char* name, const at::Tensor& keys) {
  const at::IntArrayRef values(keys.const_data_ptr<int64_t>(), static_cast<size_t>(keys.numel()));
  for (size_t i = 1; i < values.size(); ++i)
    TEV_CHECK(values[i - 1] < values[i], "tev::kernel_map: ", name, " do not rise at ", i, " (keys from tev::voxel_index were expected).");
  return values;
}

/// The parts of chunks as one tensor.
at::Tensor joined(const std::vector<Chunk>& chunks, std::vector<int32_t> Chunk::*part) {
  std::vector<int64_t> begin(chunks.size() + 1, 0);
  for (size_t i = 0; i < chunks.size(); ++i) begin[i + 1] = begin[i] + static_cast<int64_t>((chunks[i].*part).size());
  at::Tensor all = empty_cpu_output({begin.back()}, at::TensorOptions(at::kInt));
  auto* out = all.mutable_data_ptr<int32_t>();
  at::parallel_for(0, static_cast<int64_t>(chunks.size()), 1, [&](int64_t first, int64_t end) {
    for (int64_t i = first; i < end; ++i) std::copy((chunks[i].*part).begin(), (chunks[i].*part).end(), out + begin[i]);
  });
  return all;
}

at::Tensor offsets_of(const std::vector<Chunk>& chunks, std::vector<int64_t> Chunk::*part, int64_t count) {
  at::Tensor offsets = at::empty({count + 1}, at::kLong);
  auto* out = offsets.mutable_data_ptr<int64_t>();
  *out = 0;
  for (const auto& chunk : chunks)
    for (const int64_t n : chunk.*part) {
      out[1] = out[0] + n;
      ++out;
    }
  return offsets;
}

KernelMapTensors kernel_map_cpu(const at::Tensor& inputs_any, const at::Tensor& outputs_any, at::IntArrayRef size, at::IntArrayRef stride,
                                at::IntArrayRef dilation, bool transposed) {
  const at::Tensor inputs = inputs_any.contiguous(), outputs = outputs_any.contiguous();
  const Kernel kernel = kernel_of(size, stride, dilation, transposed);
  const auto input_keys = checked_keys("inputs", inputs), output_keys = checked_keys("outputs", outputs);
  const int64_t num_tiles = (outputs.numel() + tile_rows - 1) / tile_rows;
  at::Tensor mask = at::zeros({outputs.numel(), mask_words(kernel.num_taps())}, at::kInt);
  auto* mask_values = mask.mutable_data_ptr<int32_t>();
  std::vector<Chunk> chunks(static_cast<size_t>((num_tiles + kChunkTiles - 1) / kChunkTiles));
  at::parallel_for(0, static_cast<int64_t>(chunks.size()), 1, [&](int64_t begin, int64_t end) {
    TileMapper mapper(kernel, input_keys, output_keys, mask_values);
    for (int64_t i = begin; i < end; ++i) chunks[i] = mapper.map(i * kChunkTiles, std::min(num_tiles, (i + 1) * kChunkTiles));
  });
  return {joined(chunks, &Chunk::pairs), offsets_of(chunks, &Chunk::tap_counts, num_tiles * kernel.num_taps()), joined(chunks, &Chunk::halo),
          offsets_of(chunks, &Chunk::halo_counts, num_tiles), mask};
}

}  // namespace

TORCH_LIBRARY_IMPL(tev, CPU, m) { m.impl("_kernel_map", kernel_map_cpu); }

}  // namespace tev
