#include "data/stream/decoded_unit.hpp"

namespace tev {

int64_t DecodedUnit::bytes() const {
  int64_t total = 0;
  const auto add = [&total](const at::Tensor& tensor) {
    if (tensor.defined()) total += static_cast<int64_t>(tensor.nbytes());
  };
  for (const auto& [name, column] : inputs) {
    add(column.values);
    add(column.offsets);
  }
  for (const auto& [name, values] : observers) add(values);
  add(label);
  add(weight);
  add(position);
  return total;
}

}  // namespace tev
