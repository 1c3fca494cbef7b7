#pragma once
// Random order without a table.

#include <cstdint>

namespace tev {

/// A keyed bijection of [0, n): the i-th element of a random order, in O(1) time and no memory.
/// A Feistel network over the next power of two, walked along its cycles until it lands in [0, n): less than two walks
/// on average. Sets of up to 256 take twice the rounds, because there few round functions exist to mix with.
/// @source  Black, Rogaway 2002, "Ciphers with arbitrary finite domains", section 4 (cycle walking) and 5 (Feistel)
class Permutation {
 public:
  /// @param key  any integer; keys of base/seed.hpp
  /// @param n    size of the set, 0 to 2^62
  /// @throws     tev::Error for n outside of that
  Permutation(uint64_t key, int64_t n);

  int64_t size() const { return n_; }

  /// Image of i in [0, n).
  int64_t operator()(int64_t i) const;

 private:
  uint64_t scramble(int round, uint64_t half) const;

  uint64_t key_;
  int64_t n_;
  int rounds_;
  int right_bits_;
  uint64_t left_mask_;
  uint64_t right_mask_;
};

}  // namespace tev
