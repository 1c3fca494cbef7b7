#include "data/transform/file_classes.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>

namespace tev {
namespace {

/// As many of the last parts of a path as a pattern has; all of an absolute pattern's.
std::string last_parts(const std::string& path, const std::string& pattern) {
  size_t begin = path.size();
  for (auto parts = std::count(pattern.begin(), pattern.end(), '/') + 1; parts > 0; --parts) {
    begin = begin == 0 ? std::string::npos : path.rfind('/', begin - 1);
    if (begin == std::string::npos) return path;
  }
  return path.substr(begin + 1);
}

bool fits(const std::string& path, const std::string& pattern) {
  const std::string clean = std::filesystem::path(pattern).lexically_normal().string();
  const std::string text = clean.starts_with('/') ? path : last_parts(path, clean);
  return fnmatch(clean.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

int64_t class_of(const LabelConfig& config, const std::string& path) {
  const std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  std::vector<std::string> found, patterns;
  int64_t result = -1;
  for (size_t i = 0; i < config.files.size(); ++i) {
    const auto& [name, own] = config.files[i];
    patterns.insert(patterns.end(), own.begin(), own.end());
    if (std::none_of(own.begin(), own.end(), [&](const auto& pattern) { return fits(absolute, pattern); })) continue;
    found.push_back(name);
    result = static_cast<int64_t>(i);
  }
  TEV_CHECK_INPUT(!found.empty(), "data.label.files: ", path, " fits no class (patterns: ", join_names(patterns),
                  "). Add a pattern for it, or take the file out.");
  TEV_CHECK_INPUT(found.size() == 1, "data.label.files: ", path, " fits the classes ", join_names(found),
                  " (the events of a file are of one class). Make the patterns narrower.");
  return result;
}

}  // namespace

std::vector<int64_t> file_classes(const LabelConfig& config, const std::vector<std::string>& paths) {
  std::vector<int64_t> classes;
  if (config.files.empty()) return classes;
  for (const auto& path : paths) classes.push_back(class_of(config, path));
  return classes;
}

}  // namespace tev
