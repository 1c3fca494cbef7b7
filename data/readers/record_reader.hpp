#pragma once
// What all layouts share: a layout only says which members of which datasets a field is.

#include "data/readers/plan_archive.hpp"

namespace tev {

/// Cuts a file into units, of which the datasets are known.
FilePlan plan_units(RecordPlan records, CatalogThread& thread);

/// Opens a file, finds its fields as a layout does, and cuts it into units.
FilePlan plan_file(const std::string& path, const std::vector<FieldRequest>& requests, CatalogThread& thread, Layout layout);

/// Reads a file as planned; it is opened when something is read.
std::unique_ptr<Reader> read_planned(FilePlan plan, CatalogThread& thread);

}  // namespace tev
