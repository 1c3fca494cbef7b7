#pragma once
// What lies in a file besides its datasets.

#include "data/hdf5/file.hpp"

#include <optional>

namespace tev::hdf5 {

/// Absolute paths.
struct Contents {
  std::vector<std::string> groups;   ///< "/" first
  std::vector<std::string> links;    ///< soft and external ones: names for what lies elsewhere
  std::vector<std::string> scalars;  ///< datasets of one value, or of none
};

Contents contents_of(const File& file);

/// Type, shape and content of a dataset of any rank, to compare files with; nothing for rows of variable length other than text, and for references,
/// whose bytes mean nothing elsewhere.
std::optional<std::string> whole_content(const File& file, const std::string& dataset);

}  // namespace tev::hdf5
