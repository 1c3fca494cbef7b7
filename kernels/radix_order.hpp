#pragma once
// Voxel keys into rising order.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/voxel_index/voxel_index_math.hpp"

namespace tev {

/// Keys counted from the least value of each field: those of a detector's events need 36 bits or so, not 64. The order stays.
class DenseKeys {
 public:
  /// Of fields between these, both included.
  DenseKeys(const voxel_key::Fields& least, const voxel_key::Fields& most)
      : least_(least), y_(width(least.z, most.z)), x_(y_ + width(least.y, most.y)), event_(x_ + width(least.x, most.x)),
        bits_(event_ + width(least.event, most.event)) {}

  int num_bits() const { return std::max(1, bits_); }

  uint64_t pack(const voxel_key::Fields& f) const {
    return static_cast<uint64_t>(f.event - least_.event) << event_ | static_cast<uint64_t>(f.x - least_.x) << x_ |
           static_cast<uint64_t>(f.y - least_.y) << y_ | static_cast<uint64_t>(f.z - least_.z);
  }

  voxel_key::Fields unpack(uint64_t key) const {
    return {least_.event + field(key, event_, bits_), least_.x + field(key, x_, event_), least_.y + field(key, y_, x_),
            least_.z + field(key, 0, y_)};
  }

 private:
  static int width(int32_t least, int32_t most) { return std::bit_width(static_cast<uint32_t>(most - least)); }
  static int32_t field(uint64_t key, int from, int to) {
    return static_cast<int32_t>(key >> from & ((uint64_t{1} << (to - from)) - 1));
  }

  voxel_key::Fields least_;
  int y_, x_, event_, bits_;  ///< where the fields begin; all begin below bit 64, since each has at most 16
};

/// The least and most value of each field of some keys, of which there is at least one.
class FieldRange {
 public:
  void add(const voxel_key::Fields& f) {
    least_ = {std::min(least_.event, f.event), std::min(least_.x, f.x), std::min(least_.y, f.y), std::min(least_.z, f.z)};
    most_ = {std::max(most_.event, f.event), std::max(most_.x, f.x), std::max(most_.y, f.y), std::max(most_.z, f.z)};
  }
  DenseKeys keys() const { return {least_, most_}; }

 private:
  static constexpr int32_t n = voxel_key::values;
  voxel_key::Fields least_{n, n, n, n}, most_{0, 0, 0, 0};
};

/// Stable radix sort of keys of `num_bits` bits, from the lowest digit on. Rows (or none) go with their keys.
inline void radix_sort(std::vector<uint64_t>& keys, std::vector<int32_t>& rows, int num_bits) {
  constexpr int most_digit_bits = 11;  // counters that stay in the first cache
  const int passes = (num_bits + most_digit_bits - 1) / most_digit_bits, digit_bits = (num_bits + passes - 1) / passes;
  const uint64_t mask = (uint64_t{1} << digit_bits) - 1;
  std::vector<uint64_t> sorted_keys(keys.size());
  std::vector<int32_t> sorted_rows(rows.size());
  std::vector<int64_t> count(static_cast<size_t>(mask) + 1);
  for (int pass = 0; pass < passes; ++pass) {
    const int shift = pass * digit_bits;
    std::fill(count.begin(), count.end(), 0);
    for (const uint64_t key : keys) ++count[key >> shift & mask];
    if (std::find(count.begin(), count.end(), static_cast<int64_t>(keys.size())) != count.end()) continue;  // all in one place
    int64_t position = 0;
    for (auto& c : count) position += std::exchange(c, position);
    for (size_t i = 0; i < keys.size(); ++i) {
      const int64_t to = count[keys[i] >> shift & mask]++;
      sorted_keys[to] = keys[i];
      if (!rows.empty()) sorted_rows[to] = rows[i];
    }
    keys.swap(sorted_keys);
    rows.swap(sorted_rows);
  }
}

}  // namespace tev
