#pragma once
// From the text of a configuration to a struct, by the struct's own declaration.

#include "base/config_fields.hpp"
#include "engine/config/tree.hpp"

#include <string>

namespace tev {

/// Fills the struct behind `fields`: keys that are not in the tree keep their defaults; ${NAME} is expanded where the
/// field says so; a single value is a list of one.
/// @param prefix  the dotted key of the struct in the file, "" for the whole of it
/// @throws InputError  one line that names file and line (or the override), key, value and what was expected: unknown
///                     key (with the nearest name), wrong type, out of range, no such choice, required key missing
void parse(const ConfigNode& node, const Fields& fields, const std::string& prefix = "");

}  // namespace tev
