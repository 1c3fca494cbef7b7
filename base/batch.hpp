#pragma once
// What travels from the data to a model.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <map>
#include <string>

namespace tev {

/// One named input: dense [B, ...] with undefined offsets, or ragged values [N, C] with offsets [B+1] int64.
struct Column {
  at::Tensor values;
  at::Tensor offsets;
  bool ragged() const { return offsets.defined(); }
};

/// The event that row `row` of a column belongs to.
inline int64_t event_of_row(const Column& column, int64_t row) {
  if (!column.ragged()) return row;
  const int64_t* offsets = column.offsets.const_data_ptr<int64_t>();
  return std::upper_bound(offsets, offsets + column.offsets.numel(), row) - offsets - 1;
}

using Columns = std::map<std::string, Column>;

/// One batch of events.
struct Batch {
  Columns inputs;                              ///< features by object, float32, standardised
  at::Tensor label;                            ///< [B] int64, index into DataSpec::classes
  at::Tensor weight;                           ///< [B] float32
  at::Tensor sample_id;                        ///< [B] int64, global and stable
  std::map<std::string, at::Tensor> observers; ///< [B] or [B, K] as stored, asked for by name
  int64_t size() const { return sample_id.defined() ? sample_id.size(0) : 0; }
};

}  // namespace tev
