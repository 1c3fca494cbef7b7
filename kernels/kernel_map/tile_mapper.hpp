#pragma once
// The map of one tile of outputs after the other, by one thread of a CPU.

#include <c10/util/ArrayRef.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/kernel_map/column_search.hpp"
#include "kernels/kernel_map/kernel_map_math.hpp"

namespace tev {

/// What some consecutive tiles need, one after the other.
struct TileMaps {
  std::vector<int32_t> pairs, halo;
  std::vector<int64_t> tap_counts, halo_counts;
};

/// For a fixed (tap_x, tap_y) the inputs that rising outputs reach rise too (field by field, so also in keys), and the taps along z
/// reach the neighbours of one place. So each of size_x * size_y columns is a merge of two sorted lists, without a hash: the linear
/// form of the search of Minuet (EuroSys 2024). Loops over rows have no branch that depends on who is a neighbour: each row writes what
/// it found, and the place to write moves on only if it was something.
class TileMapper {
 public:
  /// @param inputs  rising, with a greatest key behind the last, which is none
  /// @param mask    [outputs, mask_words], zero at first
  TileMapper(const kernel_map_math::Kernel& kernel, c10::ArrayRef<int64_t> inputs, c10::ArrayRef<int64_t> outputs, int32_t* mask)
      : kernel_(kernel), inputs_(inputs.data()), num_inputs_(static_cast<int64_t>(inputs.size()) - 1), outputs_(outputs), mask_(mask),
        words_(kernel_map_math::mask_words(kernel.num_taps())), cursors_(static_cast<size_t>(kernel.x.size) * kernel.y.size),
        y_(rows_of(kernel.y)), z_(rows_of(kernel.z)), found_(rows_of(kernel.z)), num_found_(static_cast<size_t>(kernel.z.size)),
        needed_(static_cast<size_t>(num_inputs_)), place_(new int32_t[static_cast<size_t>(num_inputs_)]) {}

  TileMaps map(int64_t first_tile, int64_t end_tile) {
    TileMaps maps;
    std::fill(cursors_.begin(), cursors_.end(), -1);
    for (int64_t tile = first_tile; tile < end_tile; ++tile) {
      start_tile(tile);
      for (int32_t tap_x = 0; tap_x < kernel_.x.size; ++tap_x) map_plane(tap_x, maps);
      finish_tile(maps);
    }
    return maps;
  }

 private:
  static constexpr int64_t kRows = kernel_map_math::tile_rows;
  static constexpr int32_t kColumns = 3, kTaps = 3;  ///< searched side by side, at most

  static size_t rows_of(const kernel_map_math::Axis& axis) { return static_cast<size_t>(axis.size * kRows); }

  /// Fields of the outputs, and what their taps reach along y and z: once for all columns.
  void start_tile(int64_t tile) {
    first_row_ = tile * kRows;
    num_rows_ = static_cast<int32_t>(std::min(kRows, static_cast<int64_t>(outputs_.size()) - first_row_));
    pairs_.clear();
    ranges_.clear();
    for (int32_t row = 0; row < num_rows_; ++row) at_[row] = voxel_key::unpack(outputs_[static_cast<size_t>(first_row_ + row)]);
    if (kernel_.z.transposed) reach<true>();
    else reach<false>();
  }

  /// Compiled for each direction, so that the loops over rows have no branch in them.
  template <bool transposed>
  void reach() {
    kernel_map_math::Axis y = kernel_.y, z = kernel_.z;
    y.transposed = z.transposed = transposed;
    is_inside_ = at_[num_rows_ - 1].event + 1 < voxel_key::num_events;
    for (int32_t row = 0; row < num_rows_; ++row) {
      least_z_[row] = z.least_input(at_[row].z);
      span_z_[row] = z.most_input(at_[row].z) - least_z_[row];
    }
    for (int32_t tap = 0; tap < y.size; ++tap)
      for (int32_t row = 0, reached = 0; row < num_rows_; ++row) y_[tap * kRows + row] = y.input_of(at_[row].y, tap, reached) ? reached : -1;
    for (int32_t tap = 0; tap < z.size; ++tap)
      for (int32_t row = 0, reached = 0; row < num_rows_; ++row) {
        const bool is_valid = z.input_of(at_[row].z, tap, reached);
        z_[tap * kRows + row] = is_valid ? reached - least_z_[row] : -1;
        is_inside_ &= is_valid;
      }
  }

  /// The columns of one tap_x.
  void map_plane(int32_t tap_x, TileMaps& maps) {
    int32_t num_rows = 0;
    for (int32_t row = 0; row < num_rows_; ++row) {
      int32_t x = 0;
      if (!kernel_.x.input_of(at_[row].x, tap_x, x)) continue;
      x_row_[num_rows] = row;
      x_base_[num_rows++] = voxel_key::pack({at_[row].event, x, 0, 0});
    }
    for (int32_t tap_y = 0; tap_y < kernel_.y.size; tap_y += kColumns) {
      const int32_t columns = std::min(kColumns, kernel_.y.size - tap_y);
      for (int32_t i = 0; i < columns; ++i) ask(queries_[i], tap_x, tap_y + i, num_rows);
      if (columns == 3) answer_together<3>(inputs_, queries_);
      if (columns == 2) answer_together<2>(inputs_, queries_);
      for (int32_t i = 0; i < columns; ++i) {
        answer_together<1>(inputs_, queries_ + i);
        const int32_t column = tap_x * kernel_.y.size + tap_y + i;
        if (queries_[i].count > 0) cursors_[column] = queries_[i].cursor;
        find_taps(queries_[i]);
        take_found(column, maps);
      }
    }
  }

  void ask(ColumnQueries& queries, int32_t tap_x, int32_t tap_y, int32_t num_rows) {
    const int32_t* y = y_.data() + tap_y * kRows;
    size_t count = 0;
    for (int32_t i = 0; i < num_rows; ++i) {
      const int32_t row = x_row_[i];
      queries.row[count] = row;
      queries.least[count] = x_base_[i] + (static_cast<int64_t>(std::max(y[row], 0)) << 16) + least_z_[row];
      count += y[row] >= 0 ? 1 : 0;
    }
    queries.count = static_cast<int64_t>(count);
    queries.answered = 0;
    queries.cursor = cursors_[tap_x * kernel_.y.size + tap_y];
    if (queries.cursor < 0 && count > 0) queries.cursor = std::lower_bound(inputs_, inputs_ + num_inputs_, queries.least[0]) - inputs_;
  }

  /// The inputs that taps along z reach, in the order in which these rise.
  void find_taps(ColumnQueries& queries) {
    size_t count = 0;  // of those that have an input in reach
    for (size_t i = 0; i < static_cast<size_t>(queries.count); ++i) {
      const int64_t place = queries.place[i], least = queries.least[i];
      const int32_t row = queries.row[i];
      queries.place[count] = place;
      queries.least[count] = least;
      queries.row[count] = row;
      count += static_cast<size_t>(place < num_inputs_) & static_cast<size_t>(inputs_[place] <= least + span_z_[row]);
    }
    if (count == 0) {
      std::fill(num_found_.begin(), num_found_.end(), 0);
      return;
    }
    const int64_t begin = queries.place[0];
    int64_t end = begin;
    for (int32_t first = 0; first < kernel_.z.size; first += kTaps) {
      const int32_t taps = std::min(kTaps, kernel_.z.size - first);
      end = std::max(end, taps == 3 ? find_some<3>(queries, count, first) : taps == 2 ? find_some<2>(queries, count, first) : find_some<1>(queries, count, first));
    }
    ranges_.emplace_back(begin, end);
  }

  /// The same for `taps` of them, from the first on.
  /// @return  the end of the places that were found
  template <int32_t taps>
  int64_t find_some(ColumnQueries& queries, size_t count, int32_t first) {
    return is_inside_ ? find_some_compiled<taps, true>(queries, count, first) : find_some_compiled<taps, false>(queries, count, first);
  }
  template <int32_t taps, bool is_inside>
  int64_t find_some_compiled(ColumnQueries& queries, size_t count, int32_t first) {
    const int32_t* z[taps];
    int64_t *found[taps], end = 0;
    for (int32_t t = 0; t < taps; ++t) {
      const int32_t tap = kernel_.z.transposed ? kernel_.z.size - 1 - first - t : first + t;
      z[t] = z_.data() + tap * kRows;
      found[t] = found_.data() + tap * kRows;
    }
    for (size_t i = 0; i < count; ++i) {
      const int32_t row = queries.row[i];
      int64_t place = queries.place[i];
#pragma GCC unroll 8
      for (int32_t t = 0; t < taps; ++t) {
        const int64_t reached = queries.least[i] + (is_inside ? z[t][row] : std::max(z[t][row], 0));
        while (inputs_[place] < reached) ++place;  // only where dilation leaves inputs out
        *found[t] = place << kernel_map_math::row_bits | row;
        int64_t is_there = inputs_[place] == reached ? 1 : 0;
        if (!is_inside) is_there &= static_cast<int64_t>(place < num_inputs_) & static_cast<int64_t>(z[t][row] >= 0);
        found[t] += is_there;
        place += is_there;
      }
      queries.place[i] = place;
      end = std::max(end, place);
    }
    for (int32_t t = 0; t < taps; ++t) {
      const int32_t tap = kernel_.z.transposed ? kernel_.z.size - 1 - first - t : first + t;
      num_found_[tap] = static_cast<int32_t>(found[t] - (found_.data() + tap * kRows));
    }
    return end;
  }

  void take_found(int32_t column, TileMaps& maps) {
    for (int32_t tap_z = 0; tap_z < kernel_.z.size; ++tap_z) {
      const int64_t* found = found_.data() + tap_z * kRows;
      const int64_t tap = static_cast<int64_t>(column) * kernel_.z.size + tap_z, count = num_found_[tap_z];
      const auto bit = static_cast<int32_t>(uint32_t{1} << (tap % kernel_map_math::mask_bits));
      int32_t* mask = mask_ + first_row_ * words_ + tap / kernel_map_math::mask_bits;
      const size_t first = pairs_.size();
      pairs_.resize(first + static_cast<size_t>(count));
      int64_t* pairs = pairs_.data() + first;
      for (int64_t i = 0; i < count; ++i) {
        pairs[i] = found[i];
        needed_[static_cast<size_t>(found[i] >> kernel_map_math::row_bits)] = 1;
        mask[(found[i] & (kRows - 1)) * words_] |= bit;
      }
      maps.tap_counts.push_back(count);
    }
  }

  /// The halo: inputs that were needed, in the ranges of the columns, which overlap. Then pairs with their places in it.
  void finish_tile(TileMaps& maps) {
    std::sort(ranges_.begin(), ranges_.end());
    const size_t first = maps.halo.size();
    int64_t input = 0;
    for (const auto& [begin, end] : ranges_) {
      input = std::max(input, begin);
      if (input >= end) continue;
      size_t size = maps.halo.size();
      maps.halo.resize(size + static_cast<size_t>(end - input));
      for (; input < end; ++input) {
        maps.halo[size] = static_cast<int32_t>(input);
        place_[input] = static_cast<int32_t>(size - first);
        size += needed_[input];
        needed_[input] = 0;
      }
      maps.halo.resize(size);
    }
    maps.halo_counts.push_back(static_cast<int64_t>(maps.halo.size() - first));
    const size_t first_pair = maps.pairs.size();
    maps.pairs.resize(first_pair + pairs_.size());
    for (size_t i = 0; i < pairs_.size(); ++i)
      maps.pairs[first_pair + i] = kernel_map_math::pack_pair(place_[pairs_[i] >> kernel_map_math::row_bits], static_cast<int32_t>(pairs_[i] & (kRows - 1)));
  }

  const kernel_map_math::Kernel kernel_;
  const int64_t* const inputs_;
  const int64_t num_inputs_;
  const c10::ArrayRef<int64_t> outputs_;
  int32_t* const mask_;
  const int64_t words_;
  std::vector<int64_t> cursors_;                      ///< of each column into the inputs; -1: not yet in these tiles
  int64_t first_row_ = 0;
  int32_t num_rows_ = 0;
  bool is_inside_ = false;                            ///< every tap along z reaches a key, none of them that behind the last input
  std::array<voxel_key::Fields, kRows> at_{};         ///< the outputs of the tile
  std::array<int32_t, kRows> least_z_{}, span_z_{};   ///< of the inputs that their taps along z reach
  std::vector<int32_t> y_, z_;                        ///< what a tap along the axis reaches, [taps, rows]; z from least_z_ on; -1: nothing
  std::array<int32_t, kRows> x_row_{};                ///< the rows whose tap_x reaches inputs
  std::array<int64_t, kRows> x_base_{};
  ColumnQueries queries_[kColumns]{};
  std::vector<int64_t> found_;                        ///< [taps along z, rows]: input and row in one
  std::vector<int32_t> num_found_;
  std::vector<int64_t> pairs_;                        ///< all that was found in the tile
  std::vector<std::pair<int64_t, int64_t>> ranges_;   ///< where inputs of the tile may be
  std::vector<uint8_t> needed_;                       ///< of each input: whether a pair of the tile has it
  std::unique_ptr<int32_t[]> place_;                  ///< of each input in the halo of the tile, if it is there
};

}  // namespace tev
