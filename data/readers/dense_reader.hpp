#pragma once

#include "data/readers/reader.hpp"

namespace tev {

/// Layout of plain datasets: a field is the path of a dataset [events, ...] of numbers, flattened within an event.
std::unique_ptr<Reader> open_dense(const std::string& path, const std::vector<FieldRequest>& requests);

}  // namespace tev
