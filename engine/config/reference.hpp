#pragma once
// The reference page of a configuration struct, in Markdown.

#include "base/config_fields.hpp"

#include <string>

namespace tev {

/// A table of the keys of the section, then the sections inside it, each under its own heading.
/// @param title  heading of the section: its dotted key
/// @param doc    a sentence under the heading
std::string section_reference(const Fields& fields, const std::string& title, const std::string& doc);

}  // namespace tev
