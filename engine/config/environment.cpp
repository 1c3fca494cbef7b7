#include "engine/config/environment.hpp"

#include "base/check.hpp"
#include "engine/config/names.hpp"

#include <cstdlib>

namespace tev {
namespace {

/// The value of what stands between the braces.
std::string expand_reference(const std::string& reference, const std::string& text, const std::string& where) {
  const size_t separator = reference.find(":-");
  const std::string name = reference.substr(0, separator);
  TEV_CHECK_INPUT(is_identifier(name), where, "'", name, "' in '", text,
                  "' is not the name of an environment variable. Write ${NAME} or ${NAME:-default}.");
  const char* value = std::getenv(name.c_str());
  if (separator != std::string::npos) return value && *value ? value : reference.substr(separator + 2);
  TEV_CHECK_INPUT(value, where, "the environment variable ", name, " of '", text, "' is not set. Set it (export ", name,
                  "=...) or write ${", name, ":-default}.");
  return value;
}

}  // namespace

std::string expand_environment(const std::string& text, const std::string& where) {
  std::string expanded;
  size_t position = 0;
  for (size_t begin; (begin = text.find("${", position)) != std::string::npos;) {
    const size_t end = text.find('}', begin);
    TEV_CHECK_INPUT(
        end != std::string::npos && text.find("${", begin + 2) >= end, where, "'", text,
        "' has a '${' without its own '}'. Write ${NAME} or ${NAME:-default}; one does not go into the other.");
    expanded += text.substr(position, begin - position);
    expanded += expand_reference(text.substr(begin + 2, end - begin - 2), text, where);
    position = end + 1;
  }
  return expanded + text.substr(position);
}

}  // namespace tev
