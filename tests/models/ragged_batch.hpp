#pragma once
// Random ragged rows for the tests of models.

#include <ATen/Functions.h>

#include <vector>

namespace tev {

struct RaggedBatch {
  at::Tensor values_NC;
  at::Tensor offsets;
};

/// Rows of standard normal features, as many for each event as `lengths` says.
inline RaggedBatch ragged_batch(const std::vector<int64_t>& lengths, int64_t width, at::ScalarType dtype = at::kFloat) {
  std::vector<int64_t> offsets = {0};
  for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return {at::randn({offsets.back(), width}, dtype), at::tensor(offsets, at::kLong)};
}

}  // namespace tev
