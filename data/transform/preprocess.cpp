#include "data/transform/preprocess.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/label_config.hpp"
#include "data/transform/dry_run.hpp"
#include "data/transform/expression_error.hpp"
#include "data/transform/feature_source.hpp"
#include "data/transform/finite.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/parser.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>

namespace tev {
namespace {

using torch::jit::Module;

/// Methods that turn the lists of `columns` into matrices. Columns are stacked as rows and transposed once at the end:
/// the arithmetic then runs over contiguous memory, which is several times faster than rows of a few features.
std::string matrix_methods(const FeatureSource& source) {
  std::string features, standardised;
  for (size_t i = 0; i < source.specs.size(); ++i) {
    const std::string& name = source.specs[i].name;
    const std::string matrix = "torch.stack(columns[" + std::to_string(i) + "])";
    const std::string separator = i ? ", " : "";
    features += separator + matrix + ".t().contiguous()";
    standardised += separator + "((" + matrix + " - self.mean_" + name + ".unsqueeze(1)) / self.scale_" + name +
                    ".unsqueeze(1)).t().contiguous()";
  }
  const auto method = [&](const std::string& name, const std::string& result) {
    return "def " + name + "(self" + source.parameters + ") -> List[Tensor]:\n    columns = self.columns(" +
           source.arguments + ")\n    return [" + result + "]\n";
  };
  return method("features", features) + method("forward", standardised);
}

std::unique_ptr<Module> compile(const FeatureSource& source) {
  auto module = std::make_unique<Module>(c10::QualifiedName("__torch__.tevatrain.Preprocess"));
  for (const auto& spec : source.specs) {
    const auto width = static_cast<int64_t>(spec.features.size());
    module->register_buffer("mean_" + spec.name, at::zeros({width}));
    module->register_buffer("scale_" + spec.name, at::ones({width}));
  }
  auto& unit = *module->_ivalue()->compilation_unit();
  const auto resolver = define_prelude(unit);
  torch::jit::Parser parser(std::make_shared<torch::jit::Source>(source.columns, "features", 1));
  const torch::jit::Def columns(fill_placeholders(parser.parseFunction(/*is_method=*/true), source.bound));
  const torch::jit::SimpleSelf self(module->type());
  try {
    unit.define(*module->type()->name(), {}, {}, {columns}, {resolver}, &self);
  } catch (const std::exception& error) {
    throw expression_error(source.expressions, error);
  }
  module->define(matrix_methods(source), resolver);
  module->eval();
  return module;
}

void mark_raw_features(std::vector<ObjectSpec>& specs, const std::vector<std::string>& raw_features) {
  std::vector<std::string> known;
  for (const auto& spec : specs)
    for (const auto& feature : spec.features) known.push_back(spec.name + "." + feature);
  for (const auto& name : raw_features) {
    TEV_CHECK_INPUT(std::find(known.begin(), known.end(), name) != known.end(), "data.raw_features: '", name,
                    "' is not a feature (known: ", join_names(known), ").", suggest_name(name, known));
    for (auto& spec : specs)
      if (name.rfind(spec.name + ".", 0) == 0) spec.raw_features.push_back(name.substr(spec.name.size() + 1));
  }
}

}  // namespace

Preprocess::Preprocess(std::vector<RawObject> objects, const std::vector<std::pair<std::string, StringMap>>& features,
                       const std::vector<std::string>& raw_features, FeatureKey key)
    : key_(key), objects_(std::move(objects)) {
  FeatureSource source = generate_features(objects_, features, key);
  mark_raw_features(source.specs, raw_features);
  module_ = compile(source);
  dry_run(*module_, objects_, source.specs, source.expressions);
  specs_ = std::move(source.specs);
  for (const auto& [name, config] : features) expressions_[name] = config;
}

Preprocess::~Preprocess() = default;

Module& Preprocess::module() { return *module_; }

Columns Preprocess::features(const Columns& raw, const EventName& where) const { return run("features", raw, where); }

Columns Preprocess::apply(const Columns& raw, const EventName& where) const { return run("forward", raw, where); }

Columns Preprocess::run(const char* method, const Columns& raw, const EventName& where) const {
  const at::NoGradGuard no_grad;
  // The optimising executor would profile the first calls and recompile, on every thread.
  const torch::jit::GraphOptimizerEnabledGuard no_optimiser(false);
  std::vector<c10::IValue> inputs;
  for (const auto& object : objects_) {
    const auto column = raw.find(object.name);
    TEV_CHECK(column != raw.end(), "data.transform: no raw columns for the object '", object.name, "'.");
    inputs.emplace_back(column->second.values);
    if (object.ragged) inputs.emplace_back(column->second.offsets);
  }
  const auto results = module_->get_method(method)(std::move(inputs)).toTensorVector();
  Columns columns;
  for (size_t i = 0; i < specs_.size(); ++i) {
    Column& column = columns[specs_[i].name];
    column = {results[i], specs_[i].ragged ? raw.at(specs_[i].name).offsets : at::Tensor()};
    check_finite(specs_[i], column, where);
  }
  return columns;
}

void Preprocess::check_finite(const ObjectSpec& spec, const Column& column, const EventName& where) const {
  if (all_finite(column.values.const_data_ptr<float>(), column.values.numel())) return;
  for (size_t i = 0; i < spec.features.size(); ++i) {
    const at::Tensor bad = at::isfinite(column.values.select(1, static_cast<int64_t>(i))).logical_not();
    const auto rows = bad.sum().item<int64_t>();
    if (rows == 0) continue;
    const std::string event = where ? where(event_of_row(column.offsets, bad.nonzero()[0].item<int64_t>())) + ": " : "";
    throw InputError(c10::str(event, key_(spec.name, spec.features[i]), ": NaN or infinite in ", rows, " of ",
                              column.values.size(0), " rows (", expressions_.at(spec.name)[i].second,
                              "). Guard it, e.g. with where or maximum, or drop such rows with `valid`."));
  }
}

void Preprocess::set_standardisation(const std::string& object, const at::Tensor& mean, const at::Tensor& scale) {
  load_state([&] {
    auto state = this->state();
    TEV_CHECK(state.count("mean_" + object), "data.standardise: the object '", object, "' has no features.");
    state["mean_" + object] = mean;
    state["scale_" + object] = scale;
    return state;
  }());
}

std::map<std::string, at::Tensor> Preprocess::state() const {
  std::map<std::string, at::Tensor> state;
  for (const auto& buffer : module_->named_buffers()) state[buffer.name] = buffer.value;
  return state;
}

void Preprocess::load_state(const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_grad;
  for (auto& [name, buffer] : this->state()) {
    const auto value = state.find(name);
    TEV_CHECK(value != state.end(), "data.standardise: the saved state has no '", name,
              "' (it belongs to other features). Fit again, or use the configuration it was saved with.");
    TEV_CHECK(value->second.sizes() == buffer.sizes(), "data.standardise: '", name, "' has shape ",
              value->second.sizes(), " (the features need ", buffer.sizes(),
              "). Fit again, or use the configuration it was saved with.");
    buffer.copy_(value->second);
  }
}

DataSpec data_spec(const Preprocess& preprocess, const LabelConfig& label) { return {preprocess.specs(), class_names(label), label.object}; }

}  // namespace tev
