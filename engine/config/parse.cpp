#include "engine/config/parse.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "engine/config/environment.hpp"
#include "engine/config/names.hpp"
#include "engine/config/ranges.hpp"
#include "engine/config/scalars.hpp"

#include <algorithm>
#include <optional>

namespace tev {
namespace {

/// Reads the value of one field; called with the type of the field's target.
class Reader {
 public:
  Reader(const ConfigNode& node, const Field& field, const std::string& key) : node_(node), field_(field), key_(key) {}

  void operator()(bool* target) const { *target = scalar<bool>(node_, key_); }
  void operator()(int64_t* target) const { *target = scalar<int64_t>(node_, key_); }
  void operator()(double* target) const { *target = scalar<double>(node_, key_); }
  void operator()(std::string* target) const { *target = scalar<std::string>(node_, key_); }

  template <class T>
  void operator()(std::vector<T>* target) const {
    std::vector<T> values;
    if (node_.kind == ConfigNode::Kind::list) {
      for (const auto& item : node_.items)
        values.push_back(scalar<T>(item, key_ + "[" + std::to_string(values.size()) + "]"));
    } else {
      values.push_back(scalar<T>(node_, key_));
    }
    *target = std::move(values);
  }

  void operator()(StringMap* target) const { *target = string_map(node_, key_); }

  void operator()(std::vector<std::pair<std::string, StringMap>>* target) const {
    target->clear();
    for (const auto& entry : map_entries(node_, key_))
      target->emplace_back(entry.key, string_map(entry.value, key_ + "." + entry.key));
  }

  void operator()(NamedLists* target) const {
    std::vector<std::string> texts;
    target->clear();
    if (node_.kind != ConfigNode::Kind::map) {
      (*this)(&texts);
      for (const auto& name : texts) target->emplace_back(name, std::vector<std::string>{});
      return;
    }
    for (const auto& entry : map_entries(node_, key_)) {
      const std::string key = key_ + "." + entry.key;
      Reader(entry.value, field_, key)(&texts);
      target->emplace_back(entry.key, std::move(texts));
    }
  }

  void operator()(const std::shared_ptr<Fields>& target) const { parse(node_, *target, key_); }

  void operator()(const SectionMap& target) const {
    for (const auto& entry : map_entries(node_, key_))
      parse(entry.value, target.emplace(entry.key), key_ + "." + entry.key);
  }

 private:
  template <class... Parts>
  [[noreturn]] static void fail(const ConfigNode& node, const std::string& key, const Parts&... parts) {
    throw InputError(c10::str(config_message_start(node.where, key), parts...));
  }

  static std::string kind_name(const ConfigNode& node) {
    switch (node.kind) {
      case ConfigNode::Kind::null: return "empty";
      case ConfigNode::Kind::list: return "a list";
      case ConfigNode::Kind::map: return "a section";
      default: return "the single value '" + node.text + "'";
    }
  }

  template <class T>
  T scalar(const ConfigNode& node, const std::string& key) const {
    constexpr bool is_text = std::is_same_v<T, std::string>;
    const std::string expected = value_type_name<T>();
    if (node.kind != ConfigNode::Kind::scalar) {
      fail(node, key, "is ", kind_name(node), " (", expected, " was expected). Write '", key.substr(key.rfind('.') + 1),
           ": VALUE' or remove the line.");
    }
    if constexpr (is_text) {
      const std::string start = config_message_start(node.where, key);
      return among_choices(node, key, field_.expands_environment ? expand_environment(node.text, start) : node.text);
    } else {
      const std::optional<T> value = node.quoted ? std::nullopt : read<T>(node.text);
      const std::string range = range_text(field_);
      if (!value) {
        fail(node, key, "'", node.text, "' is ", node.quoted ? "text in quotes, " : "", "not ", expected,
             range.empty() ? "" : " (expected " + range + ")", ".");
      }
      if constexpr (!std::is_same_v<T, bool>) {
        if (!in_range(field_, static_cast<double>(*value)))
          fail(node, key, node.text, " is out of range (expected ", range, ").");
      }
      return *value;
    }
  }

  template <class T>
  static std::optional<T> read(const std::string& text) {
    if constexpr (std::is_same_v<T, bool>) {
      return read_truth(text);
    } else if constexpr (std::is_same_v<T, int64_t>) {
      return read_integer(text);
    } else {
      return read_number(text);
    }
  }

  std::string among_choices(const ConfigNode& node, const std::string& key, const std::string& text) const {
    const auto& choices = field_.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
      fail(node, key, "'", text, "' is not one of: ", join_names(choices), ".", suggest_name(text, choices));
    return text;
  }

  /// The entries of a map whose keys are names that the user chose.
  static const std::vector<ConfigEntry>& map_entries(const ConfigNode& node, const std::string& key) {
    if (node.kind != ConfigNode::Kind::map && node.kind != ConfigNode::Kind::null)
      fail(node, key, "is ", kind_name(node), " (a map 'NAME: ...' was expected).");
    for (const auto& entry : node.entries) {
      TEV_CHECK_INPUT(is_identifier(entry.key), config_message_start(entry.where, key), "'", entry.key,
                      "' is not a name (letters, digits and underscores were expected, no digit first).",
                      entry.value.kind == ConfigNode::Kind::null
                          ? " A comma inside {...} ends a value: put such text in quotes."
                          : "");
    }
    return node.entries;
  }

  StringMap string_map(const ConfigNode& node, const std::string& key) const {
    StringMap map;
    for (const auto& entry : map_entries(node, key))
      map.emplace_back(entry.key, scalar<std::string>(entry.value, key + "." + entry.key));
    return map;
  }

  const ConfigNode& node_;
  const Field& field_;
  const std::string& key_;
};

std::string join_key(const std::string& prefix, const std::string& key) {
  return prefix.empty() ? key : prefix + "." + key;
}

/// Every key of the file must be declared: a misspelt one would silently leave its default.
void check_known(const ConfigNode& node, const Fields& fields, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& field : fields.list()) names.push_back(field.key);
  for (const auto& entry : node.entries) {
    TEV_CHECK_INPUT(std::find(names.begin(), names.end(), entry.key) != names.end(),
                    config_message_start(entry.where, join_key(prefix, entry.key)),
                    "unknown key (keys: ", join_names(names, 40), ").", suggest_name(entry.key, names));
  }
}

}  // namespace

void parse(const ConfigNode& node, const Fields& fields, const std::string& prefix) {
  TEV_CHECK_INPUT(node.kind == ConfigNode::Kind::map || node.kind == ConfigNode::Kind::null,
                  config_message_start(node.where, prefix), "is ",
                  node.kind == ConfigNode::Kind::list ? "a list" : "the single value '" + node.text + "'",
                  " (a section with keys was expected).");
  check_known(node, fields, prefix);
  for (const auto& field : fields.list()) {
    const std::string key = join_key(prefix, field.key);
    if (const ConfigNode* value = node.find(field.key)) {
      std::visit(Reader(*value, field, key), field.target);
    } else if (const auto* section = std::get_if<std::shared_ptr<Fields>>(&field.target)) {
      ConfigNode absent;  // its required keys are missed all the same
      absent.where = node.where;
      parse(absent, **section, key);
    } else {
      TEV_CHECK_INPUT(!field.is_required, node.where, ": ", key, ": missing (it has no default: ", field.doc,
                      "). Add it.");
    }
  }
}

}  // namespace tev
