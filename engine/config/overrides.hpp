#pragma once
// Changes from the command line: train.epochs=3, model.phi=[64,64], data.features.part.log_pt=log(pt(px, py)).

#include "engine/config/tree.hpp"

#include <string>
#include <vector>

namespace tev {

/// Sets each KEY=VALUE in the tree, making the sections on the way; VALUE is any YAML value in one line. The last of
/// two overrides of a key wins. Types and unknown keys are checked by `parse`, whose errors then name the override.
/// @throws InputError  no '=', an empty name, or a key inside something that is not a section
void apply_overrides(ConfigNode& root, const std::vector<std::string>& overrides);

}  // namespace tev
