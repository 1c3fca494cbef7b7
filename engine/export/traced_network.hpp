#pragma once
// A LibTorch network as a TorchScript module.

#include "models/model.hpp"

#include <torch/csrc/jit/api/module.h>

namespace tev {

/// What an exported network is made of.
enum class ExportForm {
  portable,  ///< ATen operators alone
  fused,     ///< our operators too, torch.ops.tev: they have to be loaded before it
};

/// Mirrors the network's module tree, sharing its parameters and buffers, and traces its forward.
///
/// The traced `forward` takes, for every object of the DataSpec in order, its values [*, C] and, where ragged, its offsets
/// [B+1] int64, and returns what the network does. It works for other batch sizes and lengths than it was traced with, because
/// models never read an integer size from a tensor.
///
/// @param network  on the CPU; left in evaluation mode
torch::jit::Module trace_network(Model& network, const DataSpec& spec, ExportForm form = ExportForm::portable);

}  // namespace tev
