#pragma once
// From a struct to its resolved YAML.

#include "base/config_fields.hpp"

#include <string>

namespace tev {

/// Every key with its value, in the order of declaration; `parse` of it gives the same struct, floats to the last bit.
std::string emit(const Fields& fields);

/// The value of a key in one line, as it would be written in YAML flow style: 3, 0.001, [64, 64], {px: event_sum(px)}.
/// Empty for sections.
std::string value_text(const Field& field);

}  // namespace tev
