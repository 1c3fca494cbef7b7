#include "engine/config/compare.hpp"

#include "base/names.hpp"
#include "engine/config/emit.hpp"

#include <map>

namespace tev {
namespace {

const char* const absent = "(not there)";

class Flattener {
 public:
  std::vector<FlatKey> keys;

  void section(const Fields& fields, const std::string& prefix) {
    for (const auto& field : fields.list()) add(field, prefix.empty() ? field.key : prefix + "." + field.key);
  }

 private:
  void add(const Field& field, const std::string& key) {
    if (const auto* nested = std::get_if<std::shared_ptr<Fields>>(&field.target)) {
      section(**nested, key);
    } else if (const auto* sections = std::get_if<SectionMap>(&field.target)) {
      std::vector<std::string> names;
      for (const auto& [name, fields] : sections->entries()) {
        section(fields, key + "." + name);
        names.push_back(name);
      }
      add_order(names, key, field.kind);
    } else if (const auto* map = std::get_if<StringMap*>(&field.target)) {
      string_map(**map, key, field.kind);
    } else if (const auto* lists = std::get_if<NamedLists*>(&field.target)) {
      named_lists(**lists, key, field.kind);
    } else if (const auto* maps = std::get_if<std::vector<std::pair<std::string, StringMap>>*>(&field.target)) {
      std::vector<std::string> names;
      for (const auto& [name, entries] : **maps) {
        string_map(entries, key + "." + name, field.kind);
        names.push_back(name);
      }
      add_order(names, key, field.kind);
    } else {
      keys.push_back({key, value_text(field), field.kind});
    }
  }

  void string_map(const StringMap& map, const std::string& key, KeyKind kind) {
    std::vector<std::string> names;
    for (const auto& [name, value] : map) {
      keys.push_back({key + "." + name, value, kind});
      names.push_back(name);
    }
    add_order(names, key, kind);
  }

  /// The names are physics, wherever the texts may point to.
  void named_lists(const NamedLists& lists, const std::string& key, KeyKind kind) {
    std::vector<std::string> names;
    for (const auto& [name, texts] : lists) {
      if (!texts.empty()) keys.push_back({key + "." + name, join_names(texts, texts.size()), kind});
      names.push_back(name);
    }
    add_order(names, key, KeyKind::physics);
  }

  void add_order(const std::vector<std::string>& names, const std::string& key, KeyKind kind) {
    keys.push_back({key + " (order)", join_names(names, names.size()), kind});
  }
};

}  // namespace

std::vector<FlatKey> flatten(const Fields& fields) {
  Flattener flattener;
  flattener.section(fields, "");
  return std::move(flattener.keys);
}

std::string Difference::text() const { return key + ": " + old_value + ", now " + new_value; }

std::vector<Difference> differences(const Fields& old_fields, const Fields& new_fields) {
  std::map<std::string, FlatKey> now;
  for (auto& flat : flatten(new_fields)) now.emplace(flat.key, flat);
  std::vector<Difference> found;
  for (const auto& old : flatten(old_fields)) {
    const auto match = now.find(old.key);
    if (match == now.end()) {
      found.push_back({old.key, old.value, absent, old.kind});
    } else {
      if (match->second.value != old.value) found.push_back({old.key, old.value, match->second.value, old.kind});
      now.erase(match);
    }
  }
  for (const auto& flat : flatten(new_fields))
    if (now.count(flat.key)) found.push_back({flat.key, absent, flat.value, flat.kind});
  return found;
}

}  // namespace tev
