#include "data/order/permutation.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"
#include "base/seed.hpp"

namespace tev {
namespace {

constexpr int kSmallSetBits = 8;
constexpr int kRounds = 6;
constexpr int kSmallSetRounds = 12;

}  // namespace

Permutation::Permutation(uint64_t key, int64_t n) : key_(mix64(key)), n_(n) {
  TEV_CHECK(n >= 0 && n <= int64_t{1} << 62, "data.order: cannot permute ", n, " elements (0 to 2^62)");
  // Both halves need a bit, so the smallest network permutes four elements.
  const int bits = std::max(2, static_cast<int>(std::bit_width(static_cast<uint64_t>(std::max<int64_t>(n, 1) - 1))));
  const int left_bits = bits / 2;
  rounds_ = bits <= kSmallSetBits ? kSmallSetRounds : kRounds;
  right_bits_ = bits - left_bits;
  left_mask_ = (uint64_t{1} << left_bits) - 1;
  right_mask_ = (uint64_t{1} << right_bits_) - 1;
}

// Round function: a counter-mode hash. A half has at most 31 bits, so (round, half) never collide.
uint64_t Permutation::scramble(int round, uint64_t half) const {
  return mix64(key_ + (static_cast<uint64_t>(round) << 32) + half);
}

int64_t Permutation::operator()(int64_t i) const {
  TEV_EXPECT(i >= 0 && i < n_);
  uint64_t left = static_cast<uint64_t>(i) >> right_bits_;
  uint64_t right = static_cast<uint64_t>(i) & right_mask_;
  int64_t image;
  do {
    for (int round = 0; round < rounds_; round += 2) {
      left ^= scramble(round, right) & left_mask_;
      right ^= scramble(round + 1, left) & right_mask_;
    }
    image = static_cast<int64_t>(left << right_bits_ | right);
  } while (image >= n_);
  return image;
}

}  // namespace tev
