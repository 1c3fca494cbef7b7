#include "engine/config/schema.hpp"

#include "engine/config/key_kind.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace tev {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
const char* json_type() {
  if constexpr (std::is_same_v<T, bool>) return "boolean";
  if constexpr (std::is_same_v<T, int64_t>) return "integer";
  if constexpr (std::is_same_v<T, double>) return "number";
  return "string";
}

/// The schema of the target's type, with the limits of the field.
class TypeSchema {
 public:
  explicit TypeSchema(const Field& field) : field_(field) {}

  template <class T>
  Json operator()(T* target) const {
    Json json = scalar<T>();
    if (!field_.is_required) json["default"] = *target;
    return json;
  }

  /// One value stands for a list of one.
  template <class T>
  Json operator()(std::vector<T>* target) const {
    Json json;
    json["anyOf"] = Json::array({Json{{"type", "array"}, {"items", scalar<T>()}}, scalar<T>()});
    if (!field_.is_required) json["default"] = *target;
    return json;
  }

  Json operator()(NamedLists*) const {
    const Json values = expression();
    const Json one_or_list = Json{{"anyOf", Json::array({Json{{"type", "array"}, {"items", values}}, values})}};
    Json json = one_or_list;
    json["anyOf"].push_back(map_of(one_or_list));
    return json;
  }
  Json operator()(StringMap*) const { return map_of(expression()); }
  Json operator()(std::vector<std::pair<std::string, StringMap>>*) const { return map_of(map_of(expression())); }
  Json operator()(const std::shared_ptr<Fields>& target) const { return section_schema(*target); }
  Json operator()(const SectionMap& target) const { return map_of(section_schema(target.prototype())); }

 private:
  template <class T>
  Json scalar() const {
    Json json;
    json["type"] = json_type<T>();
    if (!field_.choices.empty()) json["enum"] = field_.choices;
    using Limit = std::conditional_t<std::is_same_v<T, double>, double, int64_t>;  // 1, not 1.0, for integers
    if (std::isfinite(field_.minimum))
      json[field_.exclusive_minimum ? "exclusiveMinimum" : "minimum"] = static_cast<Limit>(field_.minimum);
    if (std::isfinite(field_.maximum)) json["maximum"] = static_cast<Limit>(field_.maximum);
    return json;
  }

  /// A bare number is an expression too: `one: 1`.
  static Json expression() { return Json{{"type", Json::array({"string", "number"})}}; }

  static Json map_of(Json values) {
    return Json{{"type", "object"},
                {"propertyNames", Json{{"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"}}},
                {"additionalProperties", std::move(values)}};
  }

  const Field& field_;
};

bool is_section(const Field& field) { return std::holds_alternative<std::shared_ptr<Fields>>(field.target); }

/// A section that holds a required key is itself required.
bool is_required(const Field& field) {
  if (!is_section(field)) return field.is_required;
  for (const auto& nested : std::get<std::shared_ptr<Fields>>(field.target)->list())
    if (is_required(nested)) return true;
  return false;
}

Json field_schema(const Field& field) {
  Json json = std::visit(TypeSchema(field), field.target);
  json["description"] = field.doc;
  if (!field.unit_name.empty()) json["x-unit"] = field.unit_name;
  if (!is_section(field)) json["x-kind"] = key_kind_name(field.kind);
  return json;
}

}  // namespace

Json section_schema(const Fields& fields) {
  Json json;
  json["type"] = "object";
  Json& properties = json["properties"] = Json::object();
  Json required = Json::array();
  for (const auto& field : fields.list()) {
    properties[field.key] = field_schema(field);
    if (is_required(field)) required.push_back(field.key);
  }
  if (!required.empty()) json["required"] = std::move(required);
  json["additionalProperties"] = false;
  return json;
}

}  // namespace tev
