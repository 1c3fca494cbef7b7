#include "engine/config/scalars.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace tev {
namespace {

template <class T>
std::optional<T> read_whole(const std::string& text) {
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') ++begin;  // from_chars takes no plus
  T value{};
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> read_integer(const std::string& text) {
  if (const auto integer = read_whole<int64_t>(text)) return integer;
  const auto number = read_whole<double>(text);
  constexpr double exact = 9007199254740992.0;  // 2^53: above it neighbouring integers share a double
  if (!number || !(std::fabs(*number) < exact) || *number != std::trunc(*number)) return std::nullopt;
  return static_cast<int64_t>(*number);
}

std::optional<double> read_number(const std::string& text) {
  const auto number = read_whole<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<bool> read_truth(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

std::string number_text(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

}  // namespace tev
