#pragma once
// From records as they lie in a chunk to tensors.

#include "data/decode/row_reader.hpp"
#include "data/hdf5/types.hpp"

#include <ATen/core/Tensor.h>

namespace tev {

/// Where the numbers of one member lie in a record, and where they go.
struct MemberCopy {
  hdf5::Scalar kind = hdf5::Scalar::other;
  bool swapped = false;       ///< the other byte order than this machine's
  int64_t count = 1;          ///< numbers of this member in a record
  int64_t source_offset = 0;  ///< bytes into a record
  int64_t target_offset = 0;  ///< values into a record of the target
};

/// What of an event is wanted.
struct RecordShape {
  int64_t record_bytes = 0;
  int64_t record_width = 1;  ///< values in a target record: of all members that are copied
  int64_t first = 0;         ///< half-open range of the flattened values of an event
  int64_t last = 0;
};

/// Copies one member of rows into a tensor. Made once for many blocks of a few rows.
class MemberConversion {
 public:
  /// @param out  [any, last - first], float32, float64 or int64; must outlive this
  MemberConversion(const RecordShape& shape, const MemberCopy& member, at::Tensor& out);

  /// Fills the rows of `out` from `first_row` on.
  /// @return  -1, or for int64 the first row of the block with a value that is not an integer
  int64_t operator()(const decode::RowBlock& block, int64_t first_row) const { return convert_(block, shape_, member_, out_, first_row); }

 private:
  using Convert = int64_t (*)(const decode::RowBlock&, const RecordShape&, const MemberCopy&, void* out, int64_t first_row);

  RecordShape shape_;
  MemberCopy member_;
  void* out_;
  Convert convert_;
};

}  // namespace tev
