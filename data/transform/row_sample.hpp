#pragma once
// A sample of rows that does not depend on the order in which they come.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tev {

/// Keeps the `capacity` rows with the smallest keys. The keys are hashes, so the rows are a uniform sample without
/// replacement; the set is a function of all offered keys, not of their order.
class RowSample {
 public:
  RowSample(std::size_t width, int64_t capacity) : width_(width), capacity_(static_cast<size_t>(capacity)) {}

  /// @param row  `width` values, copied if the row is taken
  void offer(uint64_t key, const float* row) {
    if (key < limit_) take(key, row);
  }
  void merge(const RowSample& other);
  /// Values of one column, in no particular order.
  std::vector<float> column(std::size_t index) const;

 private:
  void take(uint64_t key, const float* row);
  void prune();

  std::size_t width_, capacity_;
  uint64_t limit_ = std::numeric_limits<uint64_t>::max();  ///< keys from here on are not among the smallest
  std::vector<uint64_t> keys_;
  std::vector<float> values_;
};

}  // namespace tev
