#pragma once
// What all layouts of rows of records share: a layout only says which members of which dataset a field is.

#include "data/hdf5/dataset.hpp"
#include "data/readers/reader.hpp"

#include <functional>

namespace tev {

/// Where a field lies.
struct FieldAddress {
  std::string dataset;
  std::vector<std::string> members;  ///< empty: the element of a plain dataset
};

/// @throws InputError  naming request.key, the file and what there is instead
using FieldResolver = std::function<FieldAddress(const hdf5::File& file, const FieldRequest& request)>;

/// Opens a file whose fields are members of datasets with one row an event.
std::unique_ptr<Reader> open_record_reader(const std::string& path, const std::vector<FieldRequest>& requests,
                                           const FieldResolver& resolve);

}  // namespace tev
