#pragma once

#include "data/readers/record_reader.hpp"

namespace tev {

/// Layout of pandas `to_hdf(format="fixed")`: blocks of columns of one type, [events, columns of the block], with their names.
///
/// A field is a column, a block ("block0_values"), or with `columns` the frame itself by its key. The frame is the only one in
/// the file.
FieldResolver pandas_fixed_fields(const std::shared_ptr<const hdf5::File>& file);

}  // namespace tev
