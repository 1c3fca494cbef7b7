#pragma once
// What may be a name: of an object, a feature, an environment variable.

#include <string>

namespace tev {

/// A letter or underscore, then letters, digits, underscores (ASCII): what TorchScript and shells take as a name.
inline bool is_identifier(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name.front())) return false;
  for (const char c : name)
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  return true;
}

}  // namespace tev
