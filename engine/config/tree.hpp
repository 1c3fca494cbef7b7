#pragma once
// A configuration file as a tree of text in which every node knows where it was written.

#include <cstdint>
#include <string>
#include <vector>

namespace tev {

struct ConfigEntry;

/// A value of a configuration file, not yet given a type.
struct ConfigNode {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  std::string text;                  ///< of a scalar
  bool quoted = false;               ///< a scalar in quotes is text, never a number
  std::string where;                 ///< "configs/top/pfn.yaml:31" or "override train.epochs=3"
  std::vector<ConfigNode> items;     ///< of a list
  std::vector<ConfigEntry> entries;  ///< of a map, in the order of the file

  /// The value of a key of a map, or nullptr.
  const ConfigNode* find(const std::string& key) const;
};

struct ConfigEntry {
  std::string key;
  std::string where;
  ConfigNode value;
};

/// Reads a YAML file that holds one map.
/// @throws InputError  unreadable file, YAML syntax, a key given twice, more than one document: with file and line
ConfigNode read_config_file(const std::string& path);

/// The same for text; `name` stands for the file in messages.
ConfigNode read_config_text(const std::string& text, const std::string& name);

/// Reads the value of an override, any YAML value in one line; every node gets `where`.
ConfigNode read_config_value(const std::string& text, const std::string& where);

/// "pfn.yaml:31: train.epochs: "; an override that already names the key is not followed by it again.
std::string config_message_start(const std::string& where, const std::string& key);

}  // namespace tev
