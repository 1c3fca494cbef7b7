#pragma once
// Traces a model as the export does and runs the trace on other batches.

#include "models/model.hpp"

#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <string>
#include <vector>

namespace tev {

/// What stands between the tensors of the trace and Model::forward.
using ColumnsOf = std::function<Columns(const std::vector<at::Tensor>&)>;

/// Traces under PortableGuard(portable), in evaluation mode; parameters and buffers become those of the traced module.
torch::jit::Module trace_model(Model& model, const std::vector<at::Tensor>& example, const ColumnsOf& columns_of, bool portable = true);

/// Expects the trace of `example`, portable or not, to give what the model gives, to `tolerance`, for every one of `batches`; the portable one to hold
/// operators of ATen and control flow only, the other one `operator_of_ours`.
void expect_trace_agrees(Model& model, const std::vector<at::Tensor>& example,
                         const std::vector<std::vector<at::Tensor>>& batches, const ColumnsOf& columns_of,
                         const std::string& operator_of_ours = "", double tolerance = 2e-5);

}  // namespace tev
