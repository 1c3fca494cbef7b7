#pragma once
// The values of fields, out of the rows of their datasets.

#include "data/readers/record_file.hpp"
#include "data/readers/row_ranges.hpp"

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace tev {

/// A field and where its values go.
struct FieldTarget {
  const RecordField* field;
  at::Tensor* out;  ///< [rows, field.width()] of RecordPlan::element_type
  const std::vector<Segment>* segments;  ///< rows to read; the targets that share them are read together
};

/// Reads every dataset once for all targets that need the same rows of it.
/// @throws InputError  a number that does not fit the type
/// @throws Error       a chunk that cannot be read
void fill_fields(const RecordPlan& plan, const RecordFile& file, const std::vector<FieldTarget>& targets);

/// @param place  the event or row that has a value which cannot be an int64
[[noreturn]] void throw_no_integer(const RecordPlan& plan, const RecordField& field, const hdf5::Member& member, const std::string& place);

}  // namespace tev
