#pragma once
// A kernel map on the CPU, seen tile by tile.

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {

/// Views the tensors of a map. Whoever reads a tile checks it first, so that threads share the checks.
class MapTiles {
 public:
  /// @param where  the operator, for messages
  /// @throws tev::Error for offsets that are none
  MapTiles(const char* where, at::TensorList map, int64_t num_taps, int64_t num_inputs)
      : where_(where), num_taps_(num_taps), num_rows_(map[4].size(0)), num_inputs_(num_inputs) {
    for (size_t i = 0; i < kept_.size(); ++i) kept_[i] = map[i].contiguous();
    pairs_ = {kept_[0].const_data_ptr<int32_t>(), static_cast<size_t>(kept_[0].numel())};
    taps_ = {kept_[1].const_data_ptr<int64_t>(), static_cast<size_t>(kept_[1].numel())};
    halo_ = {kept_[2].const_data_ptr<int32_t>(), static_cast<size_t>(kept_[2].numel())};
    halos_ = {kept_[3].const_data_ptr<int64_t>(), static_cast<size_t>(kept_[3].numel())};
    check_offsets("tap_offsets", taps_, static_cast<int64_t>(pairs_.size()));
    check_offsets("halo_offsets", halos_, static_cast<int64_t>(halo_.size()));
    for (int64_t tile = 0; tile < num_tiles(); ++tile) largest_halo_ = std::max(largest_halo_, halos_[tile + 1] - halos_[tile]);
  }

  int64_t num_tiles() const { return static_cast<int64_t>(halos_.size()) - 1; }
  int64_t num_taps() const { return num_taps_; }
  int64_t num_rows() const { return num_rows_; }
  int64_t largest_halo() const { return largest_halo_; }
  /// Outputs of a tile.
  int64_t rows(int64_t tile) const { return std::min(kernel_map_math::tile_rows, num_rows_ - tile * kernel_map_math::tile_rows); }

  c10::ArrayRef<int32_t> pairs(int64_t tile, int64_t tap) const {
    const int64_t list = tile * num_taps_ + tap;
    return pairs_.slice(static_cast<size_t>(taps_[list]), static_cast<size_t>(taps_[list + 1] - taps_[list]));
  }

  /// @throws tev::Error for a tile that names voxels, or places in its halo, that are not there
  void check(int64_t tile) const {
    const bool inside = std::all_of(halo_.begin() + halos_[tile], halo_.begin() + halos_[tile + 1], [&](int32_t input) { return input >= 0 && input < num_inputs_; });
    TEV_CHECK(inside, where_, ": the map names inputs that are not among the ", num_inputs_, " rows of x. Build it from the voxels of x.");
    const auto begin = taps_[tile * num_taps_], end = taps_[(tile + 1) * num_taps_];
    int32_t place = 0, row = 0;
    for (int64_t i = begin; i < end; ++i) {
      place = std::max(place, kernel_map_math::place_of(pairs_[i]));
      row = std::max(row, kernel_map_math::row_of(pairs_[i]));
    }
    TEV_CHECK(begin == end || (place < halos_[tile + 1] - halos_[tile] && row < rows(tile)), where_, ": tile ", tile,
              " of the map has pairs of inputs or outputs that are not in it. Take maps from tev::kernel_map.");
    for (int64_t tap = 0; tap < num_taps_; ++tap) {  // kernels keep several outputs in registers: none may come twice
      bool rising = true;
      const auto list = pairs(tile, tap);
      for (size_t i = 1; i < list.size(); ++i) rising &= kernel_map_math::row_of(list[i - 1]) < kernel_map_math::row_of(list[i]);
      TEV_CHECK(rising, where_, ": the outputs of tap ", tap, " in tile ", tile, " of the map do not rise. Take maps from tev::kernel_map.");
    }
  }

  /// @param mask  of the map, contiguous
  /// @throws tev::Error unless every pair of an input and an output by a tap has its mirror: the output and the input by the mirrored tap
  void check_mirrors(int64_t tile, const at::Tensor& mask) const {
    const auto* words = mask.const_data_ptr<int32_t>();
    const int64_t num_words = mask.size(1);
    bool mirrors = num_words == kernel_map_math::mask_words(num_taps_);
    for (int64_t tap = 0; mirrors && tap < num_taps_; ++tap) {
      const int64_t mirrored = num_taps_ - 1 - tap;
      for (const int32_t pair : pairs(tile, tap)) {
        const int64_t input = halo_[halos_[tile] + kernel_map_math::place_of(pair)];
        mirrors &= (static_cast<uint32_t>(words[input * num_words + mirrored / kernel_map_math::mask_bits]) >> (mirrored % kernel_map_math::mask_bits) & 1) != 0;
      }
    }
    TEV_CHECK(mirrors, where_, ": the gradient of x needs the reverse of the map, which is not its own (its shape does not mirror, or its outputs "
                       "are not its inputs). Take both from tev::convolution_maps.");
  }

  /// The rows of x that a tile needs, [halo, channels].
  /// @return  their number
  template <class scalar_t, class value_t>
  int64_t gather(int64_t tile, const scalar_t* x, int64_t channels, value_t* halo) const {
    for (int64_t i = halos_[tile]; i < halos_[tile + 1]; ++i, halo += channels) std::copy_n(x + halo_[i] * channels, channels, halo);
    return halos_[tile + 1] - halos_[tile];
  }

 private:
  void check_offsets(const char* name, at::IntArrayRef offsets, int64_t last) const {
    TEV_CHECK(!offsets.empty() && offsets.front() == 0 && offsets.back() == last && std::is_sorted(offsets.begin(), offsets.end()),
              where_, ": ", name, " of the map does not run from 0 to ", last, " without falling. Take maps from tev::kernel_map.");
  }

  const char* where_;
  int64_t num_taps_, num_rows_, num_inputs_, largest_halo_ = 0;
  std::array<at::Tensor, 4> kept_{};
  c10::ArrayRef<int32_t> pairs_{}, halo_{};
  at::IntArrayRef taps_{}, halos_{};
};

}  // namespace tev
