#include "models/efn/efn.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "models/inputs.hpp"

#include <ATen/ops/cat.h>

#include <algorithm>

namespace tev {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

int64_t find_z(const ObjectSpec& object, const std::string& z) {
  const auto& features = object.features;
  TEV_CHECK_INPUT(contains(features, z), "model.z: object '", object.name, "' has no feature '", z, "' (features: ",
                  join_names(features), ").", suggest_name(z, features));
  TEV_CHECK_INPUT(
      contains(object.raw_features, z), "model.z: feature '", z, "' of object '", object.name,
      "' is standardised (an Energy Flow Network weighs with the fraction itself). Add data.raw_features: [",
      object.name, ".", z, "].");
  TEV_CHECK_INPUT(features.size() > 1, "model.z: '", z, "' is the only feature of object '", object.name,
                  "' (Phi reads the others). Add the angles to data.features.", object.name, ".");
  return std::find(features.begin(), features.end(), z) - features.begin();
}

}  // namespace

void EfnOptions::declare(Fields& fields) {
  fields.add("z", z, "Feature that weighs the rows, listed in data.raw_features; Phi reads the other features");
  DeepSetOptions::declare(fields);
}

EfnImpl::EfnImpl(const EfnOptions& options, const DataSpec& spec)
    : object_(ragged_object(spec, options.object)),
      use_event_(options.use_event),
      z_index_(find_z(object_, options.z)) {
  if (use_event_) event_ = event_object(spec, "model.use_event");
  const auto row_width = static_cast<int64_t>(object_.features.size()) - 1;
  const auto event_width = static_cast<int64_t>(event_.features.size());
  net_ = register_module("net", DeepSet(options, row_width, event_width, class_count(spec)));
}

at::Tensor EfnImpl::forward(const Columns& inputs) {
  const Column& rows = column_of(inputs, object_);
  const auto width = static_cast<int64_t>(object_.features.size());
  const at::Tensor z_N = rows.values.select(1, z_index_);
  const at::Tensor angles_NC =
      at::cat({rows.values.slice(1, 0, z_index_), rows.values.slice(1, z_index_ + 1, width)}, 1);
  const at::Tensor event_BC = use_event_ ? column_of(inputs, event_).values : at::Tensor();
  return net_->forward(angles_NC, rows.offsets, z_N, event_BC);
}

}  // namespace tev
