#pragma once
// A unit of the catalog as it lies in memory: ragged, in features, ready to be gathered from.

#include "base/batch.hpp"

#include <cstdint>

namespace tev {

struct DecodedUnit {
  Columns inputs;                               ///< features by object, float32
  at::Tensor label;                             ///< [n] int64
  at::Tensor weight;                            ///< [n] float32
  at::Tensor selected;                          ///< [n] bool, undefined: all events
  std::map<std::string, at::Tensor> observers;  ///< [n] raw event columns, only those asked for
  int64_t first_sample_id = 0;
  int64_t num_events = 0;

  /// Memory held by the tensors.
  int64_t bytes() const;
};

}  // namespace tev
