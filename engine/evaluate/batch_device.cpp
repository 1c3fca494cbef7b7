#include "engine/evaluate/batch_device.hpp"

namespace tev {

Columns to_device(const Columns& inputs, c10::Device device) {
  if (device.is_cpu()) return inputs;
  Columns moved;
  for (const auto& [name, column] : inputs) {
    moved[name].values = column.values.to(device, /*non_blocking=*/true);
    if (column.ragged()) moved[name].offsets = column.offsets.to(device, /*non_blocking=*/true);
  }
  return moved;
}

c10::Device device_of(const Model& model) { return model.parameters().front().device(); }

}  // namespace tev
