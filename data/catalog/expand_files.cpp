#include "data/catalog/expand_files.hpp"

#include "base/check.hpp"

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

namespace tev {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Runs of digits compare as numbers, everything else byte by byte.
bool natural_less(const std::string& a, const std::string& b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto number = [](const std::string& text, size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const size_t begin = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      return text.substr(begin, at - begin);
    };
    const std::string first = number(a, i), second = number(b, j);
    if (first.size() != second.size()) return first.size() < second.size();
    if (first != second) return first < second;
  }
  if (i < a.size() || j < b.size()) return i == a.size();
  return a < b;  // equal but for leading zeros
}

std::vector<std::string> match(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  std::sort(paths.begin(), paths.end(), natural_less);
  return paths;
}

}  // namespace

std::vector<std::string> expand_files(const std::vector<std::string>& patterns, const std::string& key) {
  namespace fs = std::filesystem;
  TEV_CHECK_INPUT(!patterns.empty(), key,
                  ": no file is named (a path, a glob or a list of them was expected). Set it.");
  std::vector<std::string> files;
  std::set<std::string> seen;
  for (const auto& pattern : patterns) {
    const bool is_path = fs::exists(pattern) || pattern.find_first_of("*?[") == std::string::npos;
    TEV_CHECK_INPUT(!is_path || fs::exists(pattern), key, ": ", pattern, ": no such file. Check the path.");
    const auto paths = is_path ? std::vector<std::string>{pattern} : match(pattern);
    TEV_CHECK_INPUT(!paths.empty(), key, ": '", pattern, "' matches no file. Check the path.");
    for (const auto& path : paths) {
      TEV_CHECK_INPUT(!fs::is_directory(path), key, ": ", path, ": is a folder (files were expected). Write ", path,
                      "/*.h5.");
      TEV_CHECK_INPUT(seen.insert(fs::canonical(path).string()).second, key, ": ", path,
                      ": is listed twice (every event counts ", "once). Take it out of the list.");
      files.push_back(path);
    }
  }
  return files;
}

}  // namespace tev
