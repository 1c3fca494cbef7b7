#include "engine/config/ranges.hpp"

#include "engine/config/scalars.hpp"

#include <cmath>

namespace tev {
namespace {

/// 1 rather than 1.0: most limits are whole.
std::string limit_text(double limit) {
  const std::string text = number_text(limit);
  return text.size() > 2 && text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

}  // namespace

bool in_range(const Field& field, double value) {
  if (field.exclusive_minimum ? value <= field.minimum : value < field.minimum) return false;
  return value <= field.maximum;
}

std::string range_text(const Field& field) {
  const bool has_lower = std::isfinite(field.minimum), has_upper = std::isfinite(field.maximum);
  const std::string lower = has_lower ? (field.exclusive_minimum ? "> " : ">= ") + limit_text(field.minimum) : "";
  if (!has_upper) return lower;
  if (!has_lower) return "<= " + limit_text(field.maximum);
  if (field.exclusive_minimum) return lower + ", <= " + limit_text(field.maximum);
  return limit_text(field.minimum) + " to " + limit_text(field.maximum);
}

}  // namespace tev
