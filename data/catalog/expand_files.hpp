#pragma once

#include <string>
#include <vector>

namespace tev {

/// The files that paths and globs name, in the order of the patterns; those of one glob in natural order (jets_2 before
/// jets_10), which is the same on every machine.
/// @param key  configuration key for errors, e.g. data.train
/// @throws InputError  no pattern, a pattern that matches nothing, a folder, a file listed twice
std::vector<std::string> expand_files(const std::vector<std::string>& patterns, const std::string& key);

}  // namespace tev
