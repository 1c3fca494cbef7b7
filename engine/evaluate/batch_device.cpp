#include "engine/evaluate/batch_device.hpp"

namespace tev {

Columns inputs_for(const Model& model, const Columns& inputs) {
  const at::Tensor parameter = model.parameters().front();
  Columns moved;
  for (const auto& [name, column] : inputs) {
    moved[name].values = column.values.to(parameter.device(), parameter.scalar_type(), /*non_blocking=*/true);
    if (column.ragged()) moved[name].offsets = column.offsets.to(parameter.device(), /*non_blocking=*/true);
  }
  return moved;
}

at::Tensor logits_of(Model& model, const Batch& batch, const std::string& where) {
  try {
    return model.forward(inputs_for(model, batch.inputs));
  } catch (const EventError& error) {
    throw InputError(c10::str(where, ": sample id ", batch.sample_id[error.event].item<int64_t>(), ": ", error.what()));
  }
}

c10::Device device_of(const Model& model) { return model.parameters().front().device(); }

}  // namespace tev
