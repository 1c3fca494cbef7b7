#pragma once
// What the data look like to everybody who is not data: names, widths, classes.

#include <string>
#include <vector>

namespace tev {

/// One object of an event, e.g. the event itself (dense) or its particles (ragged).
struct ObjectSpec {
  std::string name;
  bool ragged = false;
  std::vector<std::string> features;  ///< in the order of the columns of Batch::inputs[name].values
  std::vector<std::string> raw_features;  ///< those of them that are not standardised
};

/// Filled by data; read by model constructors, objective, report and export.
struct DataSpec {
  std::vector<ObjectSpec> objects;   ///< only those with at least one feature, "event" first
  std::vector<std::string> classes;  ///< class names in the order of the label
  std::string label_object{};        ///< the object whose rows have a class each; empty: an event has one

  const ObjectSpec* find(const std::string& name) const {
    for (const auto& object : objects)
      if (object.name == name) return &object;
    return nullptr;
  }
  /// The ragged objects' names.
  std::vector<std::string> ragged_names() const {
    std::vector<std::string> names;
    for (const auto& object : objects)
      if (object.ragged) names.push_back(object.name);
    return names;
  }
};

}  // namespace tev
