#pragma once
// The one declaration of a configuration struct.
//
// A struct lists its keys once, in `void declare(Fields& fields)`. From that list come parsing, defaults, ranges, unknown
// keys with the nearest name, the JSON schema, the reference page and the comparison of two runs (engine/config).

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tev {

class Fields;

/// name -> text, in the order of the file.
using StringMap = std::vector<std::pair<std::string, std::string>>;

/// name -> texts, in the order of the file. Written as a map, or as a list of names alone, whose texts are then empty.
using NamedLists = std::vector<std::pair<std::string, std::vector<std::string>>>;

/// What a key may change. A physics key changes the result. A performance key that changes a result is a bug. A
/// location says where something lies: what lies there is guarded by the data fingerprint, so that files may move.
enum class KeyKind { physics, performance, location };

/// A map of named sub-sections (e.g. data.objects), type-erased.
struct SectionMap {
  std::function<Fields(const std::string& key)> emplace;                    ///< adds a section, returns its fields
  std::function<std::vector<std::pair<std::string, Fields>>()> entries;     ///< the sections that are there
  std::function<Fields()> prototype;                                        ///< fields of a default section (documentation)
};

/// One key.
class Field {
 public:
  using Target = std::variant<bool*, int64_t*, double*, std::string*, std::vector<int64_t>*, std::vector<double>*,
                              std::vector<std::string>*, StringMap*, NamedLists*, std::vector<std::pair<std::string, StringMap>>*,
                              std::shared_ptr<Fields>, SectionMap>;

  std::string key;
  std::string doc;
  Target target;
  std::string unit_name;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool exclusive_minimum = false;
  std::vector<std::string> choices;
  KeyKind kind = KeyKind::physics;
  bool is_required = false;
  bool expands_environment = false;

  Field& at_least(double value) { return minimum = value, *this; }
  Field& at_most(double value) { return maximum = value, *this; }
  Field& above(double value) { return minimum = value, exclusive_minimum = true, *this; }
  Field& one_of(std::vector<std::string> values) { return choices = std::move(values), *this; }
  Field& unit(std::string name) { return unit_name = std::move(name), *this; }
  Field& performance() { return kind = KeyKind::performance, *this; }
  Field& location() { return kind = KeyKind::location, *this; }
  Field& required() { return is_required = true, *this; }
  /// ${NAME} and ${NAME:-default} in the text are replaced from the environment when the configuration is read.
  Field& expand_environment() { return expands_environment = true, *this; }
};

/// The keys of one struct, in the order in which they are declared.
class Fields {
 public:
  /// A value: bool, int64_t, double, string, vector of those, StringMap, NamedLists.
  template <class T>
  Field& add(std::string key, T& target, std::string doc) {
    return push(std::move(key), std::move(doc), Field::Target{&target});
  }
  /// A nested struct.
  template <class T>
  Field& section(std::string key, T& config, std::string doc) {
    return push(std::move(key), std::move(doc), Field::Target{std::make_shared<Fields>(of(config))});
  }
  /// A map of nested structs.
  template <class T>
  Field& sections(std::string key, std::vector<std::pair<std::string, T>>& configs, std::string doc) {
    SectionMap map;
    map.emplace = [&configs](const std::string& name) {
      configs.emplace_back(name, T{});
      return of(configs.back().second);
    };
    map.entries = [&configs] {
      std::vector<std::pair<std::string, Fields>> entries;
      for (auto& [name, config] : configs) entries.emplace_back(name, of(config));
      return entries;
    };
    map.prototype = [] {
      static T prototype;
      return of(prototype);
    };
    return push(std::move(key), std::move(doc), Field::Target{std::move(map)});
  }

  std::vector<Field>& list() { return fields_; }
  const std::vector<Field>& list() const { return fields_; }

  template <class T>
  static Fields of(T& config) {
    Fields fields;
    config.declare(fields);
    return fields;
  }

 private:
  Field& push(std::string key, std::string doc, Field::Target target) {
    fields_.emplace_back();
    Field& field = fields_.back();
    field.key = std::move(key);
    field.doc = std::move(doc);
    field.target = std::move(target);
    return field;
  }

  std::vector<Field> fields_;
};

}  // namespace tev
