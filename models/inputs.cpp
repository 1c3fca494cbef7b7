#include "models/inputs.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <algorithm>

namespace tev {

const ObjectSpec& ragged_object(const DataSpec& spec, const std::string& name, const std::string& key) {
  const auto names = spec.ragged_names();
  TEV_CHECK_INPUT(!names.empty(), "data.features: no object with rows has features (this model reads one, e.g. part). "
                  "Add data.features.<object>, or choose model.name: mlp.");
  if (name.empty()) {
    TEV_CHECK_INPUT(names.size() == 1, key, ": not given, and several objects have rows (", join_names(names),
                    "). Name one of them.");
    return *spec.find(names.front());
  }
  const ObjectSpec* object = spec.find(name);
  TEV_CHECK_INPUT(object && object->ragged, key, ": no object '", name, "' with rows has features (objects: ",
                  join_names(names), ").", suggest_name(name, names));
  return *object;
}

const ObjectSpec& event_object(const DataSpec& spec, const std::string& reason) {
  const ObjectSpec* event = spec.find("event");
  TEV_CHECK_INPUT(event && !event->ragged && !event->features.empty(), reason,
                  ": there are no event features (one row of numbers an event is read). Add data.features.event.");
  return *event;
}

int64_t class_count(const DataSpec& spec, const std::string& object) {
  TEV_CHECK_INPUT(!object.empty() || spec.label_object.empty(), "data.label.object: '", spec.label_object,
                  "' (this model gives one answer an event, not one a row). Leave the key out, or choose a model of rows, such as sparse_uresnet.");
  TEV_CHECK_INPUT(object == spec.label_object, "data.label.object: ", spec.label_object.empty() ? "not given" : "'" + spec.label_object + "'",
                  " (this model gives an answer for each row of '", object, "'). Set data.label.object: ", object, ".");
  TEV_CHECK_INPUT(spec.classes.size() >= 2, "data.label.classes: ", spec.classes.size(),
                  " classes (a classifier needs at least two). Name every value of the label.");
  return static_cast<int64_t>(spec.classes.size());
}

std::vector<int64_t> feature_columns(const ObjectSpec& object, const std::vector<std::string>& names, const std::string& key) {
  std::vector<int64_t> columns;
  for (const auto& name : names) {
    const auto found = std::find(object.features.begin(), object.features.end(), name);
    TEV_CHECK_INPUT(found != object.features.end(), key, ": '", object.name, "' has no feature '", name, "' (features: ", join_names(object.features), ").",
                    suggest_name(name, object.features));
    columns.push_back(found - object.features.begin());
  }
  return columns;
}

const Column& column_of(const Columns& inputs, const ObjectSpec& object) {
  const auto found = inputs.find(object.name);
  TEV_CHECK(found != inputs.end(), "model input: the batch has no object '", object.name, "'.");
  const Column& column = found->second;
  TEV_CHECK(column.ragged() == object.ragged, "model input: object '", object.name, "' is ",
            column.ragged() ? "ragged" : "dense", " (the network was built for the other form).");
  const auto width = static_cast<int64_t>(object.features.size());
  TEV_CHECK(column.values.dim() == 2 && column.values.size(1) == width, "model input: object '", object.name,
            "' has shape ", column.values.sizes(), " (", width,
            " features were expected in the last of 2 dimensions).");
  return column;
}

}  // namespace tev
