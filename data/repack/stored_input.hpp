#pragma once
// Files as they are: every dataset with rows of events, in its own type.

#include "data/repack/repack_input.hpp"

namespace tev {

/// @param left_out, copied  as stored_columns
/// @throws InputError  as stored_columns; a later file with other datasets or types
std::unique_ptr<RepackInput> open_stored_input(const std::vector<std::string>& files, const std::vector<std::string>& left_out,
                                               const std::vector<std::string>& copied, const RepackResources& resources);
}  // namespace tev
