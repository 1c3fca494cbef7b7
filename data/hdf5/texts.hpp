#pragma once
// Short lists of names that lie in a file as a dataset.

#include "data/hdf5/file.hpp"

namespace tev::hdf5 {

/// Elements of a dataset of one dimension as text: strings of fixed length, or integers.
/// @throws InputError  it holds something else
std::vector<std::string> read_texts(const File& file, const std::string& dataset);

}  // namespace tev::hdf5
