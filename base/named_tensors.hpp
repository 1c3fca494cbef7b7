#pragma once
// Names to tensors: what parts of the program hand to a checkpoint and take back from it.

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace tev {

/// name -> tensor, in the order of the owner. Names are unique.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace tev
