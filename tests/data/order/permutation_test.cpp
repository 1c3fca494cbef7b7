#include "data/order/permutation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "base/check.hpp"
#include "base/seed.hpp"

namespace tev {
namespace {

TEST(Permutation, IsABijection) {
  for (int64_t n = 0; n <= 300; ++n) {
    const Permutation permutation(seed_key(1, n), n);
    std::vector<bool> seen(n, false);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t image = permutation(i);
      ASSERT_TRUE(image >= 0 && image < n) << n;
      ASSERT_FALSE(seen[image]) << n;
      seen[image] = true;
    }
  }
}

TEST(Permutation, HandlesHugeSets) {
  for (const int64_t n : {int64_t{1000000000000}, (int64_t{1} << 40) + 1, int64_t{1} << 62}) {
    const Permutation permutation(7, n);
    std::set<int64_t> images;
    for (const int64_t start : {int64_t{0}, n / 2, n - 1000})
      for (int64_t i = start; i < start + 1000; ++i) {
        const int64_t image = permutation(i);
        ASSERT_TRUE(image >= 0 && image < n);
        images.insert(image);
      }
    EXPECT_EQ(images.size(), 3000u);
    EXPECT_LT(*images.begin(), n / 100);
    EXPECT_GT(*images.rbegin(), n - n / 100);
  }
}

TEST(Permutation, RefusesSizesOutOfRange) {
  EXPECT_THROW(Permutation(1, -1), Error);
  EXPECT_THROW(Permutation(1, (int64_t{1} << 62) + 1), Error);
}

// Chi square over (index, image) pairs. Each index contributes n - 1 on average; the images of the other indices are
// constrained by each other, which changes the variance by a factor below 2.
TEST(Permutation, SendsEveryIndexEverywhereEquallyOften) {
  for (const int64_t n : {2, 3, 5, 8, 13, 16, 31, 64, 300}) {
    const int64_t keys = 4000 * n;
    std::vector<double> counts(n * n, 0);
    const std::vector<int64_t> probes = n <= 64 ? std::vector<int64_t>{} : std::vector<int64_t>{0, 1, n / 2, n - 1};
    const int64_t rows = probes.empty() ? n : static_cast<int64_t>(probes.size());
    for (int64_t key = 0; key < keys; ++key) {
      const Permutation permutation(seed_key(3, key), n);
      for (int64_t i = 0; i < rows; ++i) ++counts[i * n + permutation(probes.empty() ? i : probes[i])];
    }
    double chi2 = 0;
    for (int64_t cell = 0; cell < rows * n; ++cell) chi2 += (counts[cell] - 4000) * (counts[cell] - 4000) / 4000;
    const double mean = static_cast<double>(rows * (n - 1));
    EXPECT_LT(chi2, mean + 6 * std::sqrt(2 * mean) + 6) << n;
    EXPECT_GT(chi2, mean - 6 * std::sqrt(2 * mean)) << n;
  }
}

TEST(Permutation, GivesEveryOrderOfASmallSetEquallyOften) {
  std::map<std::vector<int64_t>, double> counts;
  constexpr int kKeys = 48000;
  for (int key = 0; key < kKeys; ++key) {
    const Permutation permutation(seed_key(4, key), 4);
    ++counts[{permutation(0), permutation(1), permutation(2), permutation(3)}];
  }
  ASSERT_EQ(counts.size(), 24u);
  double chi2 = 0;
  for (const auto& [order, count] : counts) chi2 += (count - 2000) * (count - 2000) / 2000;
  EXPECT_LT(chi2, 23 + 5 * std::sqrt(46.0));
}

// Pairs of neighbours must not stay neighbours more often than by chance.
TEST(Permutation, SeparatesNeighbours) {
  constexpr int64_t kSize = 1000;
  double neighbours = 0;
  for (int64_t key = 0; key < 200; ++key) {
    const Permutation permutation(key, kSize);
    for (int64_t i = 0; i + 1 < kSize; ++i) neighbours += std::abs(permutation(i) - permutation(i + 1)) == 1;
  }
  const double expected = 200 * 2.0 * (kSize - 1) / kSize;
  EXPECT_NEAR(neighbours, expected, 5 * std::sqrt(expected));
}

}  // namespace
}  // namespace tev
