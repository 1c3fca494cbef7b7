#pragma once
// What travels from the data to a model.

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace tev {

/// One named input: dense [B, ...] with undefined offsets, or ragged values [N, C] with offsets [B+1] int64.
struct Column {
  at::Tensor values;
  at::Tensor offsets;
  bool ragged() const { return offsets.defined(); }
};

/// The event that a row belongs to.
/// @param offsets  [B+1] int64; undefined: one row an event
inline int64_t event_of_row(const at::Tensor& offsets, int64_t row) {
  if (!offsets.defined()) return row;
  const int64_t* first = offsets.const_data_ptr<int64_t>();
  return std::upper_bound(first, first + offsets.numel(), row) - first - 1;
}

using Columns = std::map<std::string, Column>;

/// One batch of events.
struct Batch {
  Columns inputs;                              ///< features by object, float32, standardised
  at::Tensor label;                            ///< [R] int64, index into DataSpec::classes
  at::Tensor weight;                           ///< [R] float32
  at::Tensor label_offsets;                    ///< [B+1] int64, the labels of each event; undefined: one an event, R = B
  at::Tensor sample_id;                        ///< [B] int64, global and stable
  std::map<std::string, at::Tensor> observers; ///< [B] or [B, K] as stored, asked for by name
  int64_t size() const { return sample_id.defined() ? sample_id.size(0) : 0; }
  /// Half-open range of the labels of an event.
  std::pair<int64_t, int64_t> labels_of(int64_t event) const {
    if (!label_offsets.defined()) return {event, event + 1};
    const int64_t* offsets = label_offsets.const_data_ptr<int64_t>();
    return {offsets[event], offsets[event + 1]};
  }
};

}  // namespace tev
