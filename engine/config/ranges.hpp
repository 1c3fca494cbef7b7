#pragma once
// The range and the type of a field in words, the same in messages, schema and reference page.

#include "base/config_fields.hpp"

#include <string>
#include <type_traits>

namespace tev {

bool in_range(const Field& field, double value);

/// ">= 1", "> 0", "0 to 1", "" where every number will do.
std::string range_text(const Field& field);

/// "an integer", "a number", "true or false", "text".
template <class T>
std::string value_type_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, int64_t>) return "an integer";
  if constexpr (std::is_same_v<T, double>) return "a number";
  return "text";
}

}  // namespace tev
