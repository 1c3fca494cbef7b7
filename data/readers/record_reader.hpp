#pragma once
// What all layouts share: a layout only says which members of which datasets a field is.

#include "data/readers/record_plan.hpp"

namespace tev {

/// Opens a file for fields that a layout finds.
std::unique_ptr<Reader> open_record_reader(const std::string& path, const std::vector<FieldRequest>& requests,
                                           CatalogThread& thread, Layout layout);

}  // namespace tev
