#include "engine/config/run_config.hpp"

#include "base/check.hpp"
#include "engine/config/emit.hpp"
#include "engine/config/overrides.hpp"
#include "engine/config/parse.hpp"
#include "models/registry.hpp"

namespace tev {
namespace {

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& entry : model_registry()) names.push_back(entry.name);
  return names;
}

/// The name decides which keys the section has, so it is read first and alone.
void choose_model(ModelConfig& model, const ConfigNode& root) {
  const ConfigNode* section = root.find("model");
  if (!section) return;
  ConfigNode only_name = *section;
  std::erase_if(only_name.entries, [](const ConfigEntry& entry) { return entry.key != "name"; });
  parse(only_name, Fields::of(model), "model");
  model.options = find_model(model.name).make_options();
}

RunConfig parse_run_config(ConfigNode root, const std::string& name, const std::vector<std::string>& overrides) {
  apply_overrides(root, overrides);
  RunConfig config;
  choose_model(config.model, root);
  parse(root, Fields::of(config));
  try {
    check_run_config(config);
  } catch (const InputError& error) {
    throw InputError(name + ": " + error.what());
  }
  return config;
}

}  // namespace

void ModelConfig::declare(Fields& fields) {
  fields.add("name", name, "The network").one_of(model_names()).required();
  if (options) options->declare(fields);
}

void RunConfig::declare(Fields& fields) {
  fields.add("seed", seed, "Fixes every random choice: weights, order of the events, dropout").at_least(0);
  fields.section("data", data, "Files, columns, features");
  fields.section("model", model, "The network and its sizes; the widths of its input come from the data");
  fields.section("train", train, "The loop");
  fields.section("optimizer", optimizer, "How gradients change weights");
  fields.section("schedule", schedule, "The course of the learning rate");
  fields.section("objective", objective, "The loss");
  fields.section("metrics", metrics, "What is measured on validation and test events");
}

std::string RunConfig::resolved_yaml() const {
  RunConfig copy = *this;  // a declaration binds to something that may be written; emit only reads
  return emit(Fields::of(copy));
}

RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_run_config(read_config_file(path), path, overrides);
}

RunConfig read_run_config(const std::string& yaml, const std::string& name, const std::vector<std::string>& overrides) {
  return parse_run_config(read_config_text(yaml, name), name, overrides);
}

std::vector<Difference> differences(const RunConfig& old_config, const RunConfig& new_config) {
  RunConfig before = old_config, after = new_config;
  return differences(Fields::of(before), Fields::of(after));
}

}  // namespace tev
