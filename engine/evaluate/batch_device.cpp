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

c10::Device device_of(const Model& model) { return model.parameters().front().device(); }

}  // namespace tev
