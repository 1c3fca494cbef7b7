#pragma once
// A field that is the path of a dataset: the layouts dense and compound.

#include "data/readers/record_reader.hpp"

namespace tev {

/// Path of the dataset that request.field names.
/// @throws InputError  "<key>: <file> has no field 'x' (fields: ...). Did you mean ...?"
std::string dataset_field(const hdf5::File& file, const FieldRequest& request);

/// That error, for any list of what there is.
[[noreturn]] void throw_no_field(const hdf5::File& file, const FieldRequest& request,
                                 const std::vector<std::string>& fields);

}  // namespace tev
