#pragma once
// The files behind a virtual dataset.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tev::hdf5 {

class Dataset;

/// Rows of a virtual dataset that are a whole dataset of another file.
struct VirtualPart {
  std::string path;
  std::string dataset;
  int64_t num_rows = 0;
};

/// Its parts, in the order of its rows, if a virtual dataset is nothing but whole datasets of other files behind each other; nothing
/// otherwise, and of any other dataset.
/// @throws InputError  a file behind it is missing or has less than the virtual dataset takes: the library would give fill values in
///                     its place
std::optional<std::vector<VirtualPart>> virtual_parts(const Dataset& dataset);

}  // namespace tev::hdf5
