#include "engine/evaluate/model_state.hpp"

#include "base/check.hpp"

#include <ATen/core/grad_mode.h>

#include <map>

namespace tev {

NamedTensors named_parameters(const Model& model) {
  NamedTensors parameters;
  for (const auto& item : model.named_parameters()) parameters.emplace_back(item.key(), item.value());
  return parameters;
}

NamedTensors model_state(const Model& model) {
  NamedTensors state = named_parameters(model);
  for (const auto& item : model.named_buffers()) state.emplace_back(item.key(), item.value());
  return state;
}

void load_model_state(Model& model, const NamedTensors& state) {
  const at::NoGradGuard no_grad;
  const NamedTensors own = model_state(model);
  const std::map<std::string, at::Tensor> saved(state.begin(), state.end());
  TEV_CHECK(saved.size() == own.size(), "checkpoint: it has ", saved.size(), " weights, the model has ", own.size(),
            ". Use the configuration of the run.");
  for (const auto& [name, tensor] : own) {
    const auto found = saved.find(name);
    TEV_CHECK(found != saved.end() && found->second.sizes() == tensor.sizes(), "checkpoint: weight '", name,
              "' is missing or of another shape. Use the configuration of the run.");
    tensor.copy_(found->second);
  }
}

}  // namespace tev
