#include "data/transform/expression_error.hpp"

#include <c10/util/Exception.h>

#include <sstream>

namespace tev {
namespace {

constexpr auto npos = std::string::npos;

/// One line: white space collapsed, without colons and spaces at the end.
std::string one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line, word;
  while (words >> word) line += (line.empty() ? "" : " ") + word;
  while (!line.empty() && (line.back() == ':' || line.back() == '.' || line.back() == ' ')) line.pop_back();
  return line;
}

std::string after(const std::string& text, const std::string& mark) {
  const size_t position = text.rfind(mark);
  return position == npos ? text : text.substr(position + mark.size());
}

/// What went wrong, without the excerpts and the list of overloads.
std::string summary(const std::string& what) {
  const std::string failed = "RuntimeError: ";
  if (what.find(failed) != npos) return one_line(after(after(what, failed), "AssertionError: "));
  std::string text = what.substr(0, what.find("\n:\n"));
  text = text.substr(0, text.find("File \""));
  if (text.find("_column(") != npos)
    return "gives one plain " + after(one_line(text), "found type ") +
           " (a column is needed, one value for each row). Join conditions with & and |, and call functions on columns";
  if (text.find("Arguments for call are not valid") != npos)
    return "no form of this operation takes these arguments (columns come first, numbers after them)";
  return one_line(text);
}

/// The lines that follow `File "<key>"`, up to the underlined one.
std::string excerpt(const std::string& what, size_t file) {
  std::istringstream lines(what.substr(file));
  std::string line, text;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.rfind("  File ", 0) != 0 && line.rfind("RuntimeError", 0) != 0) {
    if (!one_line(line).empty()) text += "\n    " + line;
    if (line.find("<--- HERE") != npos) break;
  }
  return text;
}

}  // namespace

InputError expression_error(const std::vector<Expression>& expressions, const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string what = torch_error ? torch_error->what_without_backtrace() : error.what();
  const Expression* meant = &expressions.front();
  size_t first = npos;
  for (const auto& expression : expressions) {
    const size_t position = what.find("File \"" + expression.key + "\"");
    if (position >= first) continue;
    first = position;
    meant = &expression;
  }
  const std::string shown = first == npos ? "\n    " + meant->text : excerpt(what, first);
  return InputError(meant->key + ": " + summary(what) + "." + shown);
}

}  // namespace tev
