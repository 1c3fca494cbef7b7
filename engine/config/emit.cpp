#include "engine/config/emit.hpp"

#include "engine/config/scalars.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace tev {
namespace {

/// Text that would be read as something else without quotes gets them.
bool needs_quotes(const std::string& text) {
  static const std::vector<std::string> taken = {"yes", "no", "on", "off", "Yes", "No", "On", "Off",
                                                 "YES", "NO", "ON", "OFF", "y",   "n",  "Y",  "N"};
  for (const auto& word : taken)
    if (text == word) return true;
  return text.empty() || read_integer(text) || read_number(text) || read_truth(text);
}

class Writer {
 public:
  explicit Writer(YAML::Emitter& out) : out_(out) {}

  void operator()(const bool* value) { out_ << (*value ? "true" : "false"); }
  void operator()(const int64_t* value) { out_ << std::to_string(*value); }
  void operator()(const double* value) { out_ << number_text(*value); }
  void operator()(const std::string* value) { text(*value); }

  template <class T>
  void operator()(const std::vector<T>* values) {
    out_ << YAML::Flow << YAML::BeginSeq;
    for (const T& value : *values) (*this)(&value);
    out_ << YAML::EndSeq;
  }

  void operator()(const NamedLists* lists) {
    const bool only_names = std::all_of(lists->begin(), lists->end(), [](const auto& list) { return list.second.empty(); });
    std::vector<std::string> names;
    for (const auto& [name, texts] : *lists) names.push_back(name);
    if (only_names) return one_or_list(names);
    out_ << YAML::BeginMap;
    for (const auto& [name, texts] : *lists) {
      key(name);
      one_or_list(texts);
    }
    out_ << YAML::EndMap;
  }

  void operator()(const StringMap* map) {
    out_ << YAML::BeginMap;
    for (const auto& [name, value] : *map) {
      key(name);
      text(value);
    }
    out_ << YAML::EndMap;
  }

  void operator()(const std::vector<std::pair<std::string, StringMap>>* maps) {
    out_ << YAML::BeginMap;
    for (const auto& [name, map] : *maps) {
      key(name);
      (*this)(&map);
    }
    out_ << YAML::EndMap;
  }

  void operator()(const std::shared_ptr<Fields>& fields) { section(*fields); }

  void operator()(const SectionMap& sections) {
    out_ << YAML::BeginMap;
    for (const auto& [name, fields] : sections.entries()) {
      key(name);
      section(fields);
    }
    out_ << YAML::EndMap;
  }

  void section(const Fields& fields) {
    out_ << YAML::BeginMap;
    for (const auto& field : fields.list()) {
      key(field.key);
      std::visit(*this, field.target);
    }
    out_ << YAML::EndMap;
  }

 private:
  void text(const std::string& value) {
    if (needs_quotes(value)) out_ << YAML::DoubleQuoted;
    out_ << value;
  }
  void one_or_list(const std::vector<std::string>& values) {
    if (values.size() == 1) return text(values.front());
    (*this)(&values);
  }
  void key(const std::string& name) { out_ << YAML::Key << name << YAML::Value; }

  YAML::Emitter& out_;
};

}  // namespace

std::string emit(const Fields& fields) {
  YAML::Emitter out;
  Writer(out).section(fields);
  return std::string(out.c_str()) + "\n";
}

std::string value_text(const Field& field) {
  if (std::holds_alternative<std::shared_ptr<Fields>>(field.target) || std::holds_alternative<SectionMap>(field.target))
    return "";
  if (const auto* text = std::get_if<std::string*>(&field.target)) return **text;
  YAML::Emitter out;
  out << YAML::Flow;
  std::visit(Writer(out), field.target);
  return out.c_str();
}

}  // namespace tev
