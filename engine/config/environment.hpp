#pragma once
// ${NAME} in the text of a configuration.

#include <string>

namespace tev {

/// Replaces ${NAME} by the environment variable and ${NAME:-default} by `default` where the variable is unset or empty.
/// A `$` that no `{` follows stays as it is.
/// @param where  the start of an error message: "pfn.yaml:5: data.train: "
/// @throws InputError  an unset variable without default (named), a `${` without `}`, a name that is none
std::string expand_environment(const std::string& text, const std::string& where);

}  // namespace tev
