#include "models/mlp/mlp.hpp"

#include "models/inputs.hpp"

#include <ATen/ops/linear.h>

namespace tev {
namespace {

MlpStackOptions stack_options(const MlpOptions& options, const ObjectSpec& object) {
  MlpStackOptions stack;
  stack.inputs = static_cast<int64_t>(object.features.size());
  stack.widths = options.widths;
  stack.activation = parse_activation(options.activation);
  stack.dropout = options.dropout;
  stack.batch_norm = options.batch_norm;
  stack.init = parse_weight_init(options.init);
  return stack;
}

}  // namespace

void MlpOptions::declare(Fields& fields) {
  fields.add("widths", widths, "Widths of the hidden layers; none: a linear classifier").at_least(1);
  fields.add("activation", activation, "Activation of every hidden layer").one_of(activation_names());
  fields.add("dropout", dropout, "Dropout after every hidden layer").at_least(0).at_most(0.95);
  fields.add("batch_norm", batch_norm, "Batch normalisation before every activation");
  fields.add("init", init, "Distribution of the initial weights").one_of(weight_init_names());
}

MlpImpl::MlpImpl(const MlpOptions& options, const DataSpec& spec)
    : object_(spec.label_object.empty() ? event_object(spec, "model.name: mlp") : ragged_object(spec, spec.label_object, "data.label.object")),
      stack_(stack_options(options, object_), "model.widths"),
      output_(torch::nn::LinearOptions(stack_->outputs(), class_count(spec, spec.label_object))) {
  init_linear(*output_, parse_weight_init(options.init), LayerPlace::output);
  register_module("stack", stack_);
  register_module("output", output_);
}

at::Tensor MlpImpl::forward(const Columns& inputs) {
  const at::Tensor x_RC = stack_->forward(column_of(inputs, object_).values);
  return at::linear(x_RC, output_->weight, output_->bias);
}

}  // namespace tev
