#pragma once
// Moving a batch to where the model is, and into its number type.

#include "models/model.hpp"

#include <c10/core/Device.h>

namespace tev {

/// The inputs on the device and in the floating type of the model's parameters.
Columns inputs_for(const Model& model, const Columns& inputs);

/// Where the parameters of a model are.
c10::Device device_of(const Model& model);

}  // namespace tev
