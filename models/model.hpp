#pragma once
// What every network is: options declared once, widths from the data, logits out.

#include "base/batch.hpp"
#include "base/config_fields.hpp"
#include "base/data_spec.hpp"

#include <torch/nn/module.h>

namespace tev {

/// Base of `<Name>Options`: the keys under `model:` beside `name`.
struct ModelOptions {
  virtual ~ModelOptions() = default;
  virtual void declare(Fields& fields) = 0;
};

/// Base of `<Name>Impl(options, DataSpec)`.
class Model : public torch::nn::Module {
 public:
  /// @param inputs  the objects of DataSpec: dense [B, C] or ragged values [N, C] with offsets [B+1]
  /// @return        logits [B, classes], or [N, classes] where the rows of DataSpec::label_object have classes
  virtual at::Tensor forward(const Columns& inputs) = 0;
};

}  // namespace tev
