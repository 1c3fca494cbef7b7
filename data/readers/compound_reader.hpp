#pragma once

#include "data/readers/record_reader.hpp"

namespace tev {

/// Layout of compound datasets, as the ATLAS flavour-tagging dumps have them: a field is the path of a dataset of
/// records, `columns` are its members. [events] gives one row of columns an event; [events, objects] gives the padded
/// objects one after the other. Plain datasets in the same file are read without `columns`.
FieldResolver compound_fields(const std::shared_ptr<const hdf5::File>& file);

}  // namespace tev
