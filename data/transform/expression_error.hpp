#pragma once
// TorchScript's messages, made readable.

#include "base/check.hpp"
#include "data/transform/expression.hpp"

#include <exception>
#include <vector>

namespace tev {

/// An error of TorchScript, when parsing, compiling or running, as one line that starts with the configuration key,
/// then TorchScript's excerpt of the expression with the mistake underlined.
/// @param expressions  those that may be meant; TorchScript knows them by their key as file name
InputError expression_error(const std::vector<Expression>& expressions, const std::exception& error);

}  // namespace tev
