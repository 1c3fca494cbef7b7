#pragma once
// A model's weights by name, as a checkpoint holds them.

#include "base/named_tensors.hpp"
#include "models/model.hpp"

namespace tev {

/// Parameters of a model.
NamedTensors named_parameters(const Model& model);

/// Parameters and buffers.
NamedTensors model_state(const Model& model);

/// Copies a model_state into place.
/// @throws Error  names or shapes that do not fit
void load_model_state(Model& model, const NamedTensors& state);

}  // namespace tev
