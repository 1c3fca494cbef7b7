// Any text as a configuration with overrides: refused as InputError, or resolved to a text that is read back as the same.

#include "base/check.hpp"
#include "engine/config/run_config.hpp"
#include "tests/fuzz/fuzz_bytes.hpp"

#include <algorithm>
#include <optional>

namespace tev {
namespace {

std::optional<std::string> resolve(const std::string& yaml, const std::vector<std::string>& overrides) {
  try {
    return read_run_config(yaml, "a.yaml", overrides).resolved_yaml();
  } catch (const InputError&) {
    return std::nullopt;
  }
}

}  // namespace
}  // namespace tev

/// The file, then overrides, with a zero byte between them.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tev;
  const auto* const end = data + size;
  const auto* at = std::find(data, end, 0);
  const std::string yaml(data, at);
  std::vector<std::string> overrides;
  while (at != end) {
    const auto* begin = at + 1;
    at = std::find(begin, end, 0);
    overrides.emplace_back(begin, at);
  }
  const auto resolved = resolve(yaml, overrides);
  if (!resolved) return 0;
  const auto again = resolve(*resolved, {});
  if (again != resolved) std::fprintf(stderr, "--- resolved\n%s--- read back\n%s", resolved->c_str(), again ? again->c_str() : "(refused)\n");
  fuzz::require(again == resolved, "that the resolved configuration is read back as it is");
  return 0;
}
