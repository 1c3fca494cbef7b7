#pragma once
// From the configured features to the TorchScript method that computes them.

#include "base/config_fields.hpp"
#include "base/data_spec.hpp"
#include "data/transform/expression.hpp"
#include "data/transform/feature_key.hpp"
#include "data/transform/raw_object.hpp"

#include <string>
#include <vector>

namespace tev {

struct FeatureSource {
  std::string parameters;  ///< of every method, without self: "raw_event: Tensor, raw_part: Tensor, ..."
  std::string arguments;   ///< the same names, for a call
  std::string columns;     ///< method `columns` -> List[List[Tensor]], with placeholders
  std::vector<torch::jit::TreeRef> bound;  ///< what replaces the placeholders
  std::vector<Expression> expressions;     ///< for error messages, in the order of evaluation
  std::vector<ObjectSpec> specs;
};

/// @throws InputError  unknown objects, names that are no identifiers, unknown names in expressions
FeatureSource generate_features(const std::vector<RawObject>& objects,
                                const std::vector<std::pair<std::string, StringMap>>& features, FeatureKey key = feature_key);

}  // namespace tev
