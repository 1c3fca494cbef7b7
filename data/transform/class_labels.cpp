#include "data/transform/class_labels.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace tev {
namespace {

std::optional<int64_t> integer(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool has_values(const LabelConfig& config) {
  return std::any_of(config.classes.begin(), config.classes.end(), [](const auto& entry) { return !entry.second.empty(); });
}

std::vector<std::string> all_values(const LabelConfig& config) {
  std::vector<std::string> all;
  for (const auto& [name, values] : config.classes) all.insert(all.end(), values.begin(), values.end());
  return all;
}

void check_names(const LabelConfig& config, const std::vector<std::string>& names) {
  const std::string key = config.files.empty() ? "data.label.classes" : "data.label.files";
  TEV_CHECK_INPUT(names.size() >= 2, key, ": ", names.size(), " class (", join_names(names),
                  "; at least two were expected). List every class in the order of the label.");
  const std::set<std::string> distinct(names.begin(), names.end());
  TEV_CHECK_INPUT(distinct.size() == names.size(), key, ": a name is given twice (", join_names(names), ").");
}

/// The field or the files, not both, say the class.
void check_source(const LabelConfig& config) {
  const bool by_row = !config.object.empty(), by_field = by_row || !config.field.empty(), by_file = !config.files.empty();
  TEV_CHECK_INPUT(!by_row || !by_file, "data.label.files: given together with data.label.object '", config.object,
                  "' (the class of a file is that of its events, not of their rows). Keep one of them.");
  TEV_CHECK_INPUT(!by_row || config.object != "event", "data.label.object: 'event' (an event has one class where no object is named). Leave the key out.");
  TEV_CHECK_INPUT(!by_row || !config.one_hot, "data.label.one_hot: given for the rows of '", config.object, "' (their class was expected as one number). Leave it out.");
  TEV_CHECK_INPUT(!by_row || !config.field.empty() || !config.column.empty(), "data.label.column: missing (which of the values of '", config.object,
                  "' is the class of a row?). Add it, or data.label.field.");
  TEV_CHECK_INPUT(!by_row || config.other == "error", "data.label.other: '", config.other, "' with the rows of '", config.object,
                  "' (events of no class can be left out of their batches, rows cannot). Drop the rows by data.objects.", config.object, ".valid.");
  TEV_CHECK_INPUT(by_field || by_file, "data.label.field: missing (what holds the class of an event; or data.label.files, where the files say it). Add it.");
  TEV_CHECK_INPUT(!by_field || !by_file, "data.label.files: given together with data.label.field '", config.field,
                  "' (two ways to say the class). Keep one of them.");
  TEV_CHECK_INPUT(!by_file || config.classes.empty(), "data.label.classes: given together with data.label.files, which names the classes. Keep one of them.");
  for (const auto& [name, patterns] : config.files)
    TEV_CHECK_INPUT(!patterns.empty(), "data.label.files: the class '", name, "' has no pattern (which files are of it?). Write ", name, ": ", name, "*.h5.");
}

}  // namespace

ClassLabels::ClassLabels(LabelConfig config) : config_(std::move(config)), names_(class_names(config_)) {
  check_source(config_);
  check_names(config_, names_);
  if (!config_.files.empty()) return;
  const bool valued = has_values(config_);
  for (const auto& [name, values] : config_.classes)
    TEV_CHECK_INPUT(!valued || !values.empty(), "data.label.classes.", name, ": no value (the others have some). Add it.");
  const auto values = all_values(config_);
  std::set<std::string> distinct;
  for (const auto& value : values)
    TEV_CHECK_INPUT(distinct.insert(value).second, "data.label.classes: the value ", value,
                    " is given twice (an event has one class). Keep it in one place.");
  const auto integers = static_cast<size_t>(std::count_if(values.begin(), values.end(), [](const auto& value) { return integer(value).has_value(); }));
  TEV_CHECK_INPUT(integers == 0 || integers == values.size(), "data.label.classes: ", join_names(values),
                  " are integers and text (values of one kind were expected). Write all as the file has them.");
  kind_ = config_.one_hot ? Kind::columns : valued && integers == 0 ? Kind::text : Kind::integers;
  if (kind_ == Kind::integers) read_integers();
  if (kind_ == Kind::columns) read_columns();
  if (kind_ == Kind::text) read_texts();
}

void ClassLabels::read_integers() {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!has_values(config_)) class_of_integer_[static_cast<int64_t>(i)] = static_cast<int64_t>(i);
    for (const auto& value : config_.classes[i].second) class_of_integer_[*integer(value)] = static_cast<int64_t>(i);
  }
}

void ClassLabels::read_columns() {
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    if (!has_values(config_)) class_of_column_.push_back(index);
    for (const auto& value : config_.classes[i].second) {
      const auto position = integer(value);
      if (!position) {
        column_names_.push_back(value);
        class_of_column_.push_back(index);
        continue;
      }
      TEV_CHECK_INPUT(*position >= 0 && *position < 65536, "data.label.classes.", names_[i], ": ", value,
                      " is no position of a column (0, 1, ... counted from data.label.index). Correct it.");
      if (num_columns() <= *position) class_of_column_.resize(static_cast<size_t>(*position) + 1, kNone);
      class_of_column_[static_cast<size_t>(*position)] = index;
    }
  }
}

void ClassLabels::read_texts() {
  for (size_t i = 0; i < names_.size(); ++i)
    for (const auto& value : config_.classes[i].second) class_of_text_[value] = static_cast<int64_t>(i);
}

int64_t ClassLabels::class_of(const int64_t* values, int64_t width) const {
  if (kind_ == Kind::integers) {
    const auto found = class_of_integer_.find(*values);
    return found == class_of_integer_.end() ? kNone : found->second;
  }
  if (kind_ == Kind::text) {
    const auto found = class_of_text_.find(value_text(values, width));
    return found == class_of_text_.end() ? kNone : found->second;
  }
  int64_t result = kNone;
  for (int64_t i = 0; i < num_columns(); ++i) {
    if (values[i] == 0) continue;
    if (values[i] != 1 || result != kNone) return kSeveral;
    result = class_of_column_[static_cast<size_t>(i)];
    if (result == kNone) return kNone;
  }
  return result;
}

at::Tensor ClassLabels::classes(const at::Tensor& values) const {
  TEV_EXPECT(values.dim() == 2 && values.is_contiguous());
  const at::Tensor result = at::empty({values.size(0)}, at::kLong);
  const auto* from = values.const_data_ptr<int64_t>();
  auto* to = result.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < values.size(0); ++i) to[i] = class_of(from + i * values.size(1), values.size(1));
  return result;
}

/// As a message shows it; of a text: without what fills it up to its fixed length.
std::string ClassLabels::value_text(const int64_t* values, int64_t width) const {
  if (kind_ == Kind::integers) return std::to_string(*values);
  std::string text;
  if (kind_ == Kind::text) {
    for (int64_t i = 0; i < width && values[i] != 0; ++i) text += static_cast<char>(values[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }
  for (int64_t i = 0; i < num_columns(); ++i) text += (i ? " " : "") + std::to_string(values[i]);
  return text;
}

std::string ClassLabels::expected() const {
  const std::string of = " for the classes " + join_names(names_);
  if (kind_ == Kind::columns) return "one 1 and else 0" + of;
  if (!has_values(config_)) return c10::str("0 to ", names_.size() - 1, of);
  return join_names(all_values(config_)) + of;
}

std::string ClassLabels::problem(const at::Tensor& values, int64_t event) const {
  const std::string value = value_text(values.const_data_ptr<int64_t>() + event * values.size(1), values.size(1));
  const std::string quote = kind_ == Kind::text ? "'" : "";
  std::string more;
  if (!config_.object.empty()) more = "; data.objects." + config_.object + ".valid can drop such rows";
  else if (has_values(config_) || kind_ == Kind::columns) more = "; data.label.other=drop leaves events of no class out";
  return c10::str("data.label is ", quote, value, quote, " (expected ", expected(), "). Correct data.label or list all classes", more, ".");
}

}  // namespace tev
