#pragma once
// Attributes as text.

#include "data/hdf5/file.hpp"

#include <utility>

namespace tev::hdf5 {

/// Name and text of the attributes of a group or dataset that are a string or a few numbers; others are left out.
std::vector<std::pair<std::string, std::string>> attribute_texts(const File& file, const std::string& object);

}  // namespace tev::hdf5
