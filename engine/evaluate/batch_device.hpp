#pragma once
// Moving a batch to where the model is.

#include "models/model.hpp"

#include <c10/core/Device.h>

namespace tev {

/// The inputs on a device.
Columns to_device(const Columns& inputs, c10::Device device);

/// Where the parameters of a model are.
c10::Device device_of(const Model& model);

}  // namespace tev
