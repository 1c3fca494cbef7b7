#pragma once
// The text form of single values.

#include <cstdint>
#include <optional>
#include <string>

namespace tev {

/// A whole number; `1e6` and `500.0` count where they are integral and below 2^53.
std::optional<int64_t> read_integer(const std::string& text);

/// A finite number.
std::optional<double> read_number(const std::string& text);

/// true or false, also True, TRUE and so on.
std::optional<bool> read_truth(const std::string& text);

/// The shortest text that reads back as the same number, always with a point: 0.001, 1.0, 1.0e-05 (the forms that
/// YAML 1.1 readers such as PyYAML take for numbers as well).
std::string number_text(double value);

}  // namespace tev
