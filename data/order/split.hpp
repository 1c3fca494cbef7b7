#pragma once
// One set of files for training, validation and test.

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace tev {

enum class Split { train, val, test };

/// Shares of the rows, exact to 1e-9; what they leave of 1 is unused.
struct SplitShares {
  double train = 0, val = 0, test = 0;
};

/// Cuts every unit into train, val and test rows: no row changes its unit, so reading stays as cheap as before, and a
/// file sorted by class is split evenly.
/// Inside a unit the rows are in a random order fixed by (seed, unit), and this order is cut where the cumulative
/// shares of the whole set pass by: the totals are those of the whole set (share * N, within a row), however small the
/// units are.
class SplitView {
 public:
  /// @param unit_rows  rows of each unit in catalog order
  /// @throws           tev::InputError for shares that are negative or above 1 together
  SplitView(uint64_t seed, const SplitShares& shares, const std::vector<int64_t>& unit_rows);

  int64_t num_rows(Split split) const;
  int64_t rows_in(Split split, int64_t unit) const;

  /// Row inside the unit of the k-th row of the split, k in [0, rows_in(split, unit)).
  int64_t row(Split split, int64_t unit, int64_t k) const;

  /// Rows of each unit that belong to the split: what OrderSpec::unit_rows wants.
  std::shared_ptr<const std::vector<int64_t>> unit_rows(Split split) const;

 private:
  int64_t rows_before(int splits, int64_t rows) const;
  int64_t cut(int splits, int64_t unit) const;

  uint64_t seed_;
  std::array<int64_t, 4> cumulative_;  // shares of the first 0, 1, 2, 3 splits, in units of 1e-9
  std::vector<int64_t> offsets_;       // unit -> first row in the whole set; one more entry
};

}  // namespace tev
