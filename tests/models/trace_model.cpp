#include "tests/models/trace_model.hpp"

#include "base/portable.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/frontend/tracer.h>

namespace tev {
namespace {

// The names of the modules on the way become modules of the traced one, with the same tensors.
void mirror(const torch::nn::Module& from, torch::jit::Module& to) {
  for (const auto& parameter : from.named_parameters(false))
    to.register_parameter(parameter.key(), parameter.value(), false);
  for (const auto& buffer : from.named_buffers(false)) to.register_buffer(buffer.key(), buffer.value());
  for (const auto& child : from.named_children()) {
    torch::jit::Module mirrored("mirrored");
    mirror(*child.value(), mirrored);
    to.register_module(child.key(), mirrored);
  }
}

}  // namespace

torch::jit::Module trace_model(Model& model, const std::vector<at::Tensor>& example, const ColumnsOf& columns_of, bool portable) {
  model.eval();
  torch::jit::Module module("traced_model");
  mirror(model, module);
  torch::jit::Stack inputs(example.begin(), example.end());
  std::vector<std::string> names;
  for (size_t i = 0; i < example.size(); ++i) names.push_back(c10::str("input", i));
  const auto forward = [&](torch::jit::Stack stack) -> torch::jit::Stack {
    std::vector<at::Tensor> tensors;
    for (const auto& value : stack) tensors.push_back(value.toTensor());
    return {model.forward(columns_of(tensors))};
  };
  const PortableGuard guard(portable);
  const auto [state, outputs] = torch::jit::tracer::trace(
      inputs, forward, [](const at::Tensor&) { return ""; }, false, false, &module, names);
  const auto name = c10::QualifiedName(*module.type()->name(), "forward");
  auto* function = module._ivalue()->compilation_unit()->create_function(name, state->graph);
  module.type()->addMethod(function);
  return module;
}

void expect_trace_agrees(Model& model, const std::vector<at::Tensor>& example,
                         const std::vector<std::vector<at::Tensor>>& batches, const ColumnsOf& columns_of,
                         const std::string& operator_of_ours, double tolerance) {
  at::NoGradGuard no_grad;
  for (const bool portable : {true, false}) {
    torch::jit::Module module = trace_model(model, example, columns_of, portable);
    const std::string graph = module.get_method("forward").graph()->toString(false);
    if (portable) EXPECT_EQ(graph.find("= tev::"), std::string::npos);
    else EXPECT_NE(graph.find("= " + operator_of_ours), std::string::npos);
    for (const auto& batch : batches) {
      const at::Tensor expected = model.forward(columns_of(batch));
      const at::Tensor traced = module.forward({batch.begin(), batch.end()}).toTensor();
      ASSERT_EQ(traced.sizes(), expected.sizes());
      EXPECT_TRUE(at::allclose(traced, expected, tolerance, tolerance)) << (portable ? "portable: " : "fused: ") << (traced - expected).abs().max();
    }
  }
}

}  // namespace tev
