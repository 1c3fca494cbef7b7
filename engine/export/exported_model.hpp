#pragma once
// The deliverable: preprocessing and network in one TorchScript file.

#include "data/transform/preprocess.hpp"
#include "engine/export/traced_network.hpp"

#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

namespace tev {

/// Joins preprocessing and network into one module with the methods
///
///   forward(<object> [N, K], <object>_offsets [B+1] int64, ..., event [B, J]) -> probabilities [B, classes]
///   forward_padded(<object> [B, P, K], <object>_mask [B, P] bool, ..., event [B, J]) -> the same
///   input_names() -> Dict[str, List[str]]   raw columns of each object, in the order of the arguments
///   class_names() -> List[str]
///   labelled_object() -> str                the object whose rows get probabilities, then [N, classes] and padded [B, P, classes]; "": events do
///
/// in which ragged objects come in the order of the configuration and `event` always comes last (J = 0 where the
/// configuration reads no event columns; pass an empty [B, 0] tensor).
/// Inputs and probabilities are float32; the network runs in float64 (see prepare_inference).
/// @param network     in float64, on the CPU
/// @param preprocess  with the constants of the training
torch::jit::Module exported_model(Model& network, Preprocess& preprocess, const DataSpec& spec, ExportForm form = ExportForm::portable);

/// The text of the module's own methods, for tests and the curious.
std::string export_source(const std::vector<RawObject>& objects, const DataSpec& spec);

}  // namespace tev
