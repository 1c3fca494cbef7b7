#include "engine/config/reference.hpp"
#include "engine/config/run_config.hpp"
#include "engine/config/schema.hpp"
#include "models/registry.hpp"

#include <nlohmann/json.hpp>

namespace tev {
namespace {

using Json = nlohmann::ordered_json;

const char* const introduction = R"(# Configuration

This page is generated (`tevatrain schema --reference > docs/configuration.md`). A configuration is one YAML file; each
section below is a key of it, a dot goes one level down. `tevatrain train FILE train.epochs=3 model.phi=[64,64]`
overrides keys from the command line, `tevatrain schema` prints the JSON Schema for editors, and a run directory's
`config.yaml` holds every key with its value.

Kinds of keys: a **physics** key changes the result, so a run that continues must not change it. A **performance** key
never changes the result (`train.threads` at most in its last bits). A **location** says where something lies; what lies there is guarded by a fingerprint of the
data.

A single value stands for a list of one. In file names `${NAME}` is taken from the environment, and `${NAME:-default}`
has a default.

## top level
)";

Json model_schema(const ModelEntry& entry) {
  ModelConfig model{entry.name, entry.make_options()};
  Json json = section_schema(Fields::of(model));
  json["title"] = entry.name;
  json["description"] = entry.doc;
  json["properties"]["name"] = Json{{"const", entry.name}};
  return json;
}

/// Without the name, which the table of the section `model` has.
struct OptionsOnly {
  std::shared_ptr<ModelOptions> options;
  void declare(Fields& fields) { options->declare(fields); }
};

std::string model_reference(const ModelEntry& entry) {
  OptionsOnly options{entry.make_options()};
  return section_reference(Fields::of(options), "model, name: " + entry.name, entry.doc);
}

}  // namespace

std::string run_config_schema() {
  RunConfig config;
  Json json;
  json["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  json["title"] = "Tevatrain run configuration";
  json.update(section_schema(Fields::of(config)));
  Json& model = json["properties"]["model"];
  const std::string doc = model["description"];
  model = Json{{"description", doc}, {"oneOf", Json::array()}};
  for (const auto& entry : model_registry()) model["oneOf"].push_back(model_schema(entry));
  return json.dump(2) + "\n";
}

std::string run_config_reference() {
  RunConfig config;
  std::string text = introduction;
  const Fields fields = Fields::of(config);
  Fields top;  // the values first, then each section; the models stand behind their own section
  for (const auto& field : fields.list())
    if (!std::holds_alternative<std::shared_ptr<Fields>>(field.target)) top.list().push_back(field);
  text += section_reference(top, "", "");
  for (const auto& field : fields.list()) {
    const auto* section = std::get_if<std::shared_ptr<Fields>>(&field.target);
    if (section) text += section_reference(**section, field.key, field.doc);
    if (field.key == "model")
      for (const auto& entry : model_registry()) text += model_reference(entry);
  }
  return text;
}

}  // namespace tev
