#pragma once
// Giving a batch to a model, where and in which number type it is.

#include "models/model.hpp"

#include <c10/core/Device.h>

#include <string>

namespace tev {

/// The inputs on the device and in the floating type of the model's parameters.
Columns inputs_for(const Model& model, const Columns& inputs);

/// The logits of a batch.
/// @param where        what reads the batch, for messages
/// @throws InputError  what the model refuses: "<where>: sample id 7: <what>"
at::Tensor logits_of(Model& model, const Batch& batch, const std::string& where);

/// Where the parameters of a model are.
c10::Device device_of(const Model& model);

}  // namespace tev
