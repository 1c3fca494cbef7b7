#pragma once
// What every network is: options declared once, widths from the data, logits out.

#include "base/batch.hpp"
#include "base/check.hpp"
#include "base/config_fields.hpp"
#include "base/data_spec.hpp"

#include <torch/nn/module.h>

namespace tev {

/// Base of `<Name>Options`: the keys under `model:` beside `name`.
struct ModelOptions {
  virtual ~ModelOptions() = default;
  virtual void declare(Fields& fields) = 0;
};

/// What a model refuses of one event of its batch.
class EventError : public InputError {
 public:
  EventError(const std::string& message, int64_t event_of_batch) : InputError(message), event(event_of_batch) {}
  int64_t event;
};

/// Base of `<Name>Impl(options, DataSpec)`.
class Model : public torch::nn::Module {
 public:
  /// @param inputs  the objects of DataSpec: dense [B, C] or ragged values [N, C] with offsets [B+1]
  /// @return        logits [B, classes], or [N, classes] where the rows of DataSpec::label_object have classes
  /// @throws EventError  an event has what the model cannot take
  virtual at::Tensor forward(const Columns& inputs) = 0;
};

}  // namespace tev
