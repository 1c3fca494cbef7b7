#pragma once
// What of a file will be slow to read.

#include "data/hdf5/describe.hpp"

namespace tev::hdf5 {

/// One sentence a reason, without the dataset's name; empty: nothing to say.
std::vector<std::string> advice_for(const DatasetDescription& dataset);

}  // namespace tev::hdf5
