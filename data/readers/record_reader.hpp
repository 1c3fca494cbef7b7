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

/// Finds a field in one file.
/// @throws InputError  naming request.key, the file and what there is instead
using FieldResolver = std::function<FieldAddress(const FieldRequest& request)>;

/// A layout: how fields are found in a file of it. Called on the catalog thread.
using Layout = FieldResolver (*)(const std::shared_ptr<const hdf5::File>& file);

/// Opens a file whose fields are members of datasets with one row an event.
std::unique_ptr<Reader> open_record_reader(const std::string& path, const std::vector<FieldRequest>& requests,
                                           CatalogThread& thread, Layout layout);

}  // namespace tev
