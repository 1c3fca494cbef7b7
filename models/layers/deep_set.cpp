#include "models/layers/deep_set.hpp"

#include "kernels/segment_reduce/segment_reduce.hpp"
#include "models/layers/mlp_segment_sum.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/linear.h>

namespace tev {
namespace {

MlpStack make_stack(const DeepSetOptions& options, int64_t inputs, const std::vector<int64_t>& widths, double dropout,
                    const std::string& where) {
  MlpStackOptions stack;
  stack.inputs = inputs;
  stack.widths = widths;
  stack.activation = parse_activation(options.activation);
  stack.dropout = dropout;
  return MlpStack(stack, where);
}

}  // namespace

void DeepSetOptions::declare(Fields& fields) {
  fields.add("phi", phi, "Widths of the network of each row; the last one is the width of the sum").at_least(1);
  fields.add("f", f, "Widths of the network of the sum, without its output layer").at_least(1);
  fields.add("activation", activation, "Activation of every hidden layer").one_of(activation_names());
  fields.add("latent_dropout", latent_dropout, "Dropout of the sum over rows").at_least(0).at_most(0.95);
  fields.add("f_dropout", f_dropout, "Dropout after every layer of f").at_least(0).at_most(0.95);
  fields.add("object", object, "The object whose rows are summed; empty: the only one with rows");
  fields.add("use_event", use_event, "Join the features of `event` to the sum");
}

DeepSetImpl::DeepSetImpl(const DeepSetOptions& options, int64_t row_width, int64_t event_width, int64_t classes)
    : latent_dropout_(options.latent_dropout),
      phi_(make_stack(options, row_width, options.phi, 0, "model.phi")),
      f_(make_stack(options, phi_->outputs() + event_width, options.f, options.f_dropout, "model.f")),
      output_(torch::nn::LinearOptions(f_->outputs(), classes)) {
  init_linear(*output_, WeightInit::he_uniform, LayerPlace::output);
  register_module("phi", phi_);
  register_module("f", f_);
  register_module("output", output_);
}

at::Tensor DeepSetImpl::latent(const at::Tensor& rows_NC, const at::Tensor& offsets, const at::Tensor& z_N) {
  if (phi_->is_plain_relu() && mlp_segment_sum_applies(rows_NC, z_N))
    return mlp_segment_sum(rows_NC, offsets, phi_->linear_parameters(), z_N);
  at::Tensor phi_NC = phi_->forward(rows_NC);
  if (z_N.defined()) phi_NC = phi_NC.mul(z_N.unsqueeze(1));
  return segment_reduce(phi_NC, offsets, SegmentReduction::sum);
}

at::Tensor DeepSetImpl::forward(const at::Tensor& rows_NC, const at::Tensor& offsets, const at::Tensor& z_N,
                                const at::Tensor& event_BC) {
  at::Tensor x_BC = latent(rows_NC, offsets, z_N);
  if (latent_dropout_ > 0) x_BC = at::dropout(x_BC, latent_dropout_, is_training());
  if (event_BC.defined()) x_BC = at::cat({x_BC, event_BC}, 1);
  return at::linear(f_->forward(x_BC), output_->weight, output_->bias);
}

}  // namespace tev
