#include "engine/config/tree.hpp"

#include "base/check.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tev {
namespace {

constexpr int deepest = 32;  // far above any configuration: an alias that contains itself ends here

/// Turns YAML nodes into ours. With `fixed_where` every node comes from there, else from `name` and its line.
class Converter {
 public:
  Converter(std::string name, std::string fixed_where) : name_(std::move(name)), fixed_where_(std::move(fixed_where)) {}

  ConfigNode convert(const YAML::Node& yaml, const std::string& key, int depth = 0) const {
    ConfigNode node;
    node.where = where(yaml.Mark());
    TEV_CHECK_INPUT(depth < deepest, config_message_start(node.where, key), "nested more than ", deepest,
                    " levels deep.");
    if (yaml.IsScalar()) {
      node.kind = ConfigNode::Kind::scalar;
      node.text = yaml.Scalar();
      node.quoted = yaml.Tag() == "!";
    } else if (yaml.IsSequence()) {
      node.kind = ConfigNode::Kind::list;
      for (const auto& item : yaml) node.items.push_back(convert(item, key, depth + 1));
    } else if (yaml.IsMap()) {
      node.kind = ConfigNode::Kind::map;
      for (const auto& pair : yaml) add_entry(node, pair.first, pair.second, key, depth);
    }
    return node;
  }

  std::string where(const YAML::Mark& mark) const {
    if (!fixed_where_.empty()) return fixed_where_;
    return mark.is_null() ? name_ : name_ + ":" + std::to_string(mark.line + 1);
  }

 private:
  // yaml-cpp lets a key stand twice in a map and takes one of the two without a word.
  void add_entry(ConfigNode& node, const YAML::Node& name, const YAML::Node& value, const std::string& key,
                 int depth) const {
    const std::string at = where(name.Mark());
    TEV_CHECK_INPUT(name.IsScalar(), config_message_start(at, key), "a key is not a single word. Write 'key: value'.");
    const std::string full_key = key.empty() ? name.Scalar() : key + "." + name.Scalar();
    for (const auto& entry : node.entries)
      TEV_CHECK_INPUT(entry.key != name.Scalar(), config_message_start(at, full_key), "given twice (first at ",
                      entry.where, "). Keep one of the two.");
    node.entries.push_back({name.Scalar(), at, convert(value, full_key, depth + 1)});
  }

  std::string name_, fixed_where_;
};

/// Whether a document follows the first one. Not asked by YAML::LoadAll, which does not end on some text that is no YAML.
class LaterDocument : public YAML::EventHandler {
 public:
  static bool is_in(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    LaterDocument ignored;
    return parser.HandleNextDocument(ignored) && parser.HandleNextDocument(ignored);
  }

 private:
  using Mark = YAML::Mark;
  using Text = std::string;
  using Anchor = YAML::anchor_t;
  using Style = YAML::EmitterStyle::value;
  void OnDocumentStart(const Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const Mark&, Anchor) override {}
  void OnAlias(const Mark&, Anchor) override {}
  void OnScalar(const Mark&, const Text&, Anchor, const Text&) override {}
  void OnSequenceStart(const Mark&, const Text&, Anchor, Style) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const Mark&, const Text&, Anchor, Style) override {}
  void OnMapEnd() override {}
};

ConfigNode read_document(const std::string& text, const Converter& converter, const std::string& name) {
  try {
    TEV_CHECK_INPUT(!LaterDocument::is_in(text), name, ": holds several YAML documents (one was expected). Remove '---'.");
    const YAML::Node document = YAML::Load(text);
    return document.IsNull() ? ConfigNode{} : converter.convert(document, "");
  } catch (const YAML::Exception& error) {
    throw InputError(c10::str(converter.where(error.mark), ": is not valid YAML (", error.msg, ")."));
  }
}

}  // namespace

const ConfigNode* ConfigNode::find(const std::string& key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

ConfigNode read_config_text(const std::string& text, const std::string& name) {
  ConfigNode node = read_document(text, Converter(name, ""), name);
  if (node.where.empty()) node.where = name;
  TEV_CHECK_INPUT(node.kind != ConfigNode::Kind::null, name,
                  ": is empty (sections such as 'data:' and 'model:' were expected).");
  TEV_CHECK_INPUT(node.kind == ConfigNode::Kind::map, node.where,
                  ": does not hold sections (a YAML map such as 'seed: 1' was expected).");
  return node;
}

ConfigNode read_config_file(const std::string& path) {
  errno = std::filesystem::is_directory(path) ? EISDIR : 0;
  std::stringstream text;
  if (errno == 0) {
    std::ifstream file(path, std::ios::binary);
    if (file) text << file.rdbuf();
    if (file && !file.bad()) errno = 0;  // a stream leaves errno behind even where it succeeds
  }
  TEV_CHECK_INPUT(errno == 0, path, ": cannot be read (", std::strerror(errno), "). Give the path of a YAML file.");
  return read_config_text(text.str(), path);
}

ConfigNode read_config_value(const std::string& text, const std::string& where) {
  ConfigNode node = read_document(text, Converter(where, where), where);
  node.where = where;
  if (node.kind == ConfigNode::Kind::null && text.empty()) node.kind = ConfigNode::Kind::scalar, node.quoted = true;
  return node;
}

std::string config_message_start(const std::string& where, const std::string& key) {
  const bool named = key.empty() || where.rfind("override " + key + "=", 0) == 0;
  return where + ": " + (named ? "" : key + ": ");
}

}  // namespace tev
