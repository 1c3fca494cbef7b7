#pragma once
// The list of models.

#include "models/model.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tev {

struct ModelEntry {
  std::string name;
  std::string doc;
  std::function<std::unique_ptr<ModelOptions>()> make_options;
  std::function<std::shared_ptr<Model>(const ModelOptions&, const DataSpec&)> make_model;
};

/// Every model, in the order of the reference page.
const std::vector<ModelEntry>& model_registry();

/// The entry of a name.
/// @throws InputError  listing the known names
const ModelEntry& find_model(const std::string& name);

}  // namespace tev
