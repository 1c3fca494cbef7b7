#include "engine/config/overrides.hpp"

#include "base/check.hpp"

namespace tev {
namespace {

std::vector<std::string> split_key(const std::string& key, const std::string& where) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    TEV_CHECK_INPUT(end > begin, where, ": '", key,
                    "' has an empty name. Write SECTION.KEY=VALUE, such as train.epochs=3.");
    names.push_back(key.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

/// The value of `name` in a map, made if it is not there.
ConfigNode& descend(ConfigNode& map, const std::string& name, const std::string& path, const std::string& where) {
  if (map.kind == ConfigNode::Kind::null) map.kind = ConfigNode::Kind::map;
  TEV_CHECK_INPUT(map.kind == ConfigNode::Kind::map, where, ": ", path, " is a value, not a section (set in ",
                  map.where, "). Override ", path, " itself.");
  for (auto& entry : map.entries)
    if (entry.key == name) return entry.value;
  ConfigNode value;
  value.where = where;
  map.entries.push_back({name, where, std::move(value)});
  return map.entries.back().value;
}

void apply_override(ConfigNode& root, const std::string& text) {
  const std::string where = "override " + text;
  const size_t equals = text.find('=');
  TEV_CHECK_INPUT(equals != std::string::npos, where, ": has no '='. Write KEY=VALUE, such as train.epochs=3.");
  ConfigNode* node = &root;
  std::string path;
  for (const auto& name : split_key(text.substr(0, equals), where)) {
    node = &descend(*node, name, path, where);
    path += (path.empty() ? "" : ".") + name;
  }
  *node = read_config_value(text.substr(equals + 1), where);
}

}  // namespace

void apply_overrides(ConfigNode& root, const std::vector<std::string>& overrides) {
  for (const auto& text : overrides) apply_override(root, text);
}

}  // namespace tev
