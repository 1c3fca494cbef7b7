#include "engine/export/traced_network.hpp"

#include "base/portable.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/jit/frontend/tracer.h>

namespace tev {
namespace {

/// The same tree of names, parameters and buffers; `path` makes the type names unique.
torch::jit::Module mirror(const torch::nn::Module& source, const std::string& path,
                          const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module target(c10::QualifiedName("__torch__.tevatrain." + path), unit);
  for (const auto& item : source.named_parameters(/*recurse=*/false)) target.register_parameter(item.key(), item.value(), false);
  for (const auto& item : source.named_buffers(/*recurse=*/false)) target.register_buffer(item.key(), item.value());
  for (const auto& child : source.named_children())
    target.register_module(child.key(), mirror(*child.value(), path + "." + child.key(), unit));
  target.register_attribute("training", c10::BoolType::get(), false);
  return target;
}

/// Example inputs: two events of three and two rows, all different, since some features are coordinates.
torch::jit::Stack example_inputs(const DataSpec& spec, at::ScalarType type, std::vector<std::string>& names) {
  torch::jit::Stack stack;
  for (const auto& object : spec.objects) {
    const auto width = static_cast<int64_t>(object.features.size());
    const int64_t rows = object.ragged ? 5 : 2;
    stack.emplace_back(at::arange(rows * width, type).view({rows, width}));
    names.push_back(object.name);
    if (!object.ragged) continue;
    stack.emplace_back(at::tensor({0, 3, 5}, at::kLong));
    names.push_back(object.name + "_offsets");
  }
  return stack;
}

Columns columns_of(const torch::jit::Stack& stack, const DataSpec& spec) {
  Columns columns;
  auto value = stack.begin();
  for (const auto& object : spec.objects) {
    Column& column = columns[object.name];
    column.values = (value++)->toTensor();
    if (object.ragged) column.offsets = (value++)->toTensor();
  }
  return columns;
}

}  // namespace

torch::jit::Module trace_network(Model& network, const DataSpec& spec, ExportForm form) {
  network.eval();
  const at::NoGradGuard no_grad;
  const PortableGuard portable(form == ExportForm::portable);
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module module = mirror(network, "Network", unit);
  std::vector<std::string> names;
  const auto inputs = example_inputs(spec, network.parameters().front().scalar_type(), names);
  const auto run = [&](torch::jit::Stack stack) -> torch::jit::Stack { return {network.forward(columns_of(stack, spec))}; };
  const auto no_names = [](const at::Tensor&) { return std::string(); };
  const auto traced = torch::jit::tracer::trace(inputs, run, no_names, /*strict=*/false, /*force_outplace=*/false, &module, names);
  auto* forward = unit->create_function(c10::QualifiedName(*module.type()->name(), "forward"), traced.first->graph);
  module.type()->addMethod(forward);
  return module;
}

}  // namespace tev
