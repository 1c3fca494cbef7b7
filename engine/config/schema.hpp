#pragma once
// The JSON Schema of a configuration struct: what editors complete and check against.

#include "base/config_fields.hpp"

#include <nlohmann/json_fwd.hpp>

namespace tev {

/// The schema of one section: types, ranges, choices, defaults, descriptions; "x-unit" and "x-kind" beside them.
/// Defaults are the values that the struct holds now.
nlohmann::ordered_json section_schema(const Fields& fields);

}  // namespace tev
