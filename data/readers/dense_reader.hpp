#pragma once

#include "data/readers/record_reader.hpp"

namespace tev {

/// Layout of plain datasets: a field is the path of a dataset [events, ...] of numbers, flattened within an event.
FieldResolver dense_fields(const std::shared_ptr<const hdf5::File>& file);

}  // namespace tev
