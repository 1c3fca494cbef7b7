#include "data/transform/row_sample.hpp"

#include <algorithm>

namespace tev {

void RowSample::take(uint64_t key, const float* row) {
  keys_.push_back(key);
  values_.insert(values_.end(), row, row + width_);
  // Half as much again between two prunings makes their cost a constant per row.
  if (keys_.size() >= capacity_ + capacity_ / 2 + 1) prune();
}

void RowSample::prune() {
  if (keys_.size() <= capacity_) return;
  std::vector<uint64_t> sorted = keys_;
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(capacity_);
  std::nth_element(sorted.begin(), nth, sorted.end());
  limit_ = *nth;
  size_t kept = 0;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] >= limit_) continue;
    keys_[kept] = keys_[i];
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(i * width_), width_,
                values_.begin() + static_cast<std::ptrdiff_t>(kept * width_));
    ++kept;
  }
  keys_.resize(kept);
  values_.resize(kept * width_);
}

void RowSample::merge(const RowSample& other) {
  for (size_t i = 0; i < other.keys_.size(); ++i) offer(other.keys_[i], other.values_.data() + i * width_);
}

std::vector<float> RowSample::column(size_t index) const {
  RowSample exact = *this;
  exact.prune();
  std::vector<float> column;
  column.reserve(exact.keys_.size());
  for (size_t i = 0; i < exact.keys_.size(); ++i) column.push_back(exact.values_[i * width_ + index]);
  return column;
}

}  // namespace tev
