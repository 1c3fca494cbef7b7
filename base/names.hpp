#pragma once
// Lists of names in error messages.

#include <string>
#include <vector>

namespace tev {

/// "a, b, c", cut after `most` names with ", ... (n in all)".
std::string join_names(const std::vector<std::string>& names, size_t most = 12);

/// " Did you mean 'x'?" for the candidate with the smallest edit distance, or "" when none is near.
std::string suggest_name(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace tev
