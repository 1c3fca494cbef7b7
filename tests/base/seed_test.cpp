#include "base/seed.hpp"

#include <gtest/gtest.h>

#include <bitset>
#include <set>

namespace tev {
namespace {

// The first outputs of splitmix64 seeded with 1234567, as its authors' program prints them.
TEST(Mix64, IsSplitmix64) {
  constexpr uint64_t step = 0x9e3779b97f4a7c15ULL, seed = 1234567;
  EXPECT_EQ(mix64(seed), 6457827717110365317ULL);
  EXPECT_EQ(mix64(seed + step), 3203168211198807973ULL);
  EXPECT_EQ(mix64(seed + 2 * step), 9817491932198370423ULL);
}

TEST(SeedKey, DependsOnEveryArgumentAndItsPlace) {
  const std::set<uint64_t> keys = {seed_key(1), seed_key(1, 0), seed_key(0, 1), seed_key(1, 0, 0), seed_key(0, 0, 1), seed_key(2, 0)};
  EXPECT_EQ(keys.size(), 6);
}

TEST(SeedKey, DoesNotCollideOnSmallNeighbouringArguments) {
  std::set<uint64_t> keys;
  for (int seed = 0; seed < 20; ++seed)
    for (int epoch = 0; epoch < 50; ++epoch)
      for (int lane = 0; lane < 64; ++lane) keys.insert(seed_key(seed, epoch, lane));
  EXPECT_EQ(keys.size(), 20 * 50 * 64);
}

TEST(SeedKey, FlipsHalfTheBitsWhenOneArgumentChangesByOne) {
  double flipped = 0;
  for (uint64_t i = 0; i < 1000; ++i) flipped += static_cast<double>(std::bitset<64>(seed_key(7, i) ^ seed_key(7, i + 1)).count());
  EXPECT_NEAR(flipped / 1000, 32, 0.6);  // five standard deviations of the mean of 1000 such counts
}

}  // namespace
}  // namespace tev
