#pragma once

#include "data/readers/record_reader.hpp"

namespace tev {

/// Flat columns: all rows of all events one after the other, and a dataset that tells which belong to an event.
///
/// A field is a dataset [rows, ...] or a group of such columns, chosen by `columns`; `offsets`, `counts` or `extents` names the
/// dataset that divides the rows. A group that has a dataset `extents` of its own needs none of them. Without any, a field has
/// one row an event.
FieldResolver flat_fields(const std::shared_ptr<const hdf5::File>& file);

}  // namespace tev
