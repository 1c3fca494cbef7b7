#pragma once
// A unit of the catalog as it lies in memory: ragged, in features, ready to be gathered from.

#include "base/batch.hpp"

#include <cstdint>

namespace tev {

/// The selected ones, m, among the n events of a unit.
struct DecodedUnit {
  Columns inputs;                               ///< features by object, float32
  at::Tensor label;                             ///< [m] int64, or one a row of the labelled object
  at::Tensor weight;                            ///< float32, as many
  at::Tensor label_offsets;                     ///< [m+1] int64, those of the labelled object; undefined: there is none
  std::map<std::string, at::Tensor> observers;  ///< [m] or [m, K] as stored, only those asked for
  at::Tensor position;                          ///< [n] int64: place among the m, -1 if left out; undefined: all are there
  int64_t first_sample_id = 0;
  int64_t num_events = 0;  ///< n

  /// Memory held by the tensors.
  int64_t bytes() const;
};

}  // namespace tev
