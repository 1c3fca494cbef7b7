#include "data/order/split.hpp"

#include <cmath>

#include "base/check.hpp"
#include "base/seed.hpp"
#include "data/order/permutation.hpp"

namespace tev {
namespace {

constexpr int64_t kWhole = 1000000000;

// To the nearest integer.
int64_t scale(int64_t rows, int64_t numerator, int64_t denominator) {
  if (denominator == 0) return 0;
  return static_cast<int64_t>((static_cast<__int128>(rows) * numerator + denominator / 2) / denominator);
}

void check_shares(const SplitShares& shares, int64_t sum) {
  const auto check = [](const char* name, double share) {
    TEV_CHECK_INPUT(share >= 0 && share <= 1, "data.split.", name, ": ", share,
                    " is not a share (0 to 1). Give the part of the events.");
  };
  check("train", shares.train);
  check("val", shares.val);
  check("test", shares.test);
  TEV_CHECK_INPUT(sum <= kWhole, "data.split: train ", shares.train, " + val ", shares.val, " + test ", shares.test,
                  " is more than 1 (shares of the same events). Make them smaller.");
}

}  // namespace

SplitView::SplitView(uint64_t seed, const SplitShares& shares, const std::vector<int64_t>& unit_rows) : seed_(seed) {
  double sum = 0;
  cumulative_[0] = 0;
  int splits = 0;
  for (const double share : {shares.train, shares.val, shares.test}) {
    sum += share;
    cumulative_[++splits] = std::isfinite(sum) && std::abs(sum) < 4 ? std::llround(sum * kWhole) : kWhole;
  }
  check_shares(shares, cumulative_[3]);
  offsets_.reserve(unit_rows.size() + 1);
  offsets_.push_back(0);
  for (const int64_t rows : unit_rows) {
    TEV_CHECK_INPUT(rows >= 0, "data.split: a unit has ", rows, " rows (a count). Check the input files.");
    offsets_.push_back(offsets_.back() + rows);
  }
}

// Rows of the first `splits` splits among the first `rows` rows. Each count is taken from that of one split more, so
// that it never grows faster: independent roundings would now and then leave a split with -1 rows of a unit.
int64_t SplitView::rows_before(int splits, int64_t rows) const {
  rows = scale(rows, cumulative_[3], kWhole);
  for (int kept = 2; kept >= splits; --kept) rows = scale(rows, cumulative_[kept], cumulative_[kept + 1]);
  return rows;
}

// Where, in the random order of the unit's rows, the first `splits` splits end.
int64_t SplitView::cut(int splits, int64_t unit) const {
  return rows_before(splits, offsets_[unit + 1]) - rows_before(splits, offsets_[unit]);
}

int64_t SplitView::num_rows(Split split) const {
  const int index = static_cast<int>(split);
  return rows_before(index + 1, offsets_.back()) - rows_before(index, offsets_.back());
}

int64_t SplitView::rows_in(Split split, int64_t unit) const {
  const int index = static_cast<int>(split);
  return cut(index + 1, unit) - cut(index, unit);
}

int64_t SplitView::row(Split split, int64_t unit, int64_t k) const {
  TEV_EXPECT(k >= 0 && k < rows_in(split, unit));
  const Permutation order(seed_key(seed_, SeedUse::split, unit), offsets_[unit + 1] - offsets_[unit]);
  return order(cut(static_cast<int>(split), unit) + k);
}

std::shared_ptr<const std::vector<int64_t>> SplitView::unit_rows(Split split) const {
  auto rows = std::make_shared<std::vector<int64_t>>(offsets_.size() - 1);
  for (size_t unit = 0; unit < rows->size(); ++unit) (*rows)[unit] = rows_in(split, static_cast<int64_t>(unit));
  return rows;
}

}  // namespace tev
