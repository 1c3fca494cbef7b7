#pragma once
// From packed native records to tensors.

#include "data/hdf5/types.hpp"

#include <ATen/core/Tensor.h>

namespace tev {

/// Where the values of one member lie in a block of packed records, and where they go.
struct MemberCopy {
  hdf5::Scalar scalar = hdf5::Scalar::other;
  int64_t count = 1;          ///< values of this member in a record
  int64_t source_offset = 0;  ///< bytes into a record
  int64_t target_offset = 0;  ///< values into a record of the target
};

/// Shape of the block of records and of the part of an event that is wanted.
struct RecordBlock {
  const char* data = nullptr;  ///< [num_events, records_per_event] records of record_bytes
  int64_t num_events = 0;
  int64_t records_per_event = 1;
  int64_t record_bytes = 0;
  int64_t record_width = 1;  ///< values in a target record: of all members that are copied
  int64_t first = 0;         ///< half-open range of the flattened values of an event
  int64_t last = 0;
};

/// Copies one member into out [num_events, last - first], float32, float64 or int64.
/// @return  -1, or for int64 the first event with a value that is not an integer
int64_t convert_member(const RecordBlock& block, const MemberCopy& member, at::Tensor& out);

}  // namespace tev
