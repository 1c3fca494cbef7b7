#pragma once
// Counter-based random keys: every random decision is a pure function of (seed, what it is for, indices).

#include <cstdint>

namespace tev {

/// Finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64-bit integers with full avalanche.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Key of a tuple of integers; the order of the arguments matters.
template <class... Rest>
constexpr uint64_t seed_key(uint64_t first, Rest... rest) {
  uint64_t key = mix64(first);
  ((key = mix64(key ^ mix64(static_cast<uint64_t>(rest) + 0x2545f4914f6cdd1dULL))), ...);
  return key;
}

/// What a key is used for: the first argument after the seed, so that no two uses share a stream.
enum class SeedUse : uint64_t { unit_order = 1, window_order, split, weights, dropout, sample };

}  // namespace tev
