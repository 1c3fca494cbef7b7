#pragma once
// What is minimised: a loss from logits, labels and weights.

#include "base/config_fields.hpp"
#include "base/data_spec.hpp"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

namespace tev {

class Objective {
 public:
  virtual ~Objective() = default;
  /// @param logits  [R, classes], a row for each label: of an event, or of a row of an object
  /// @param label   [R] int64, 0 <= label < classes
  /// @param weight  [R] f32
  /// @return        [] f32, sum of weight x loss of each label: whoever joins batches adds, and divides once
  virtual at::Tensor loss_sum(const at::Tensor& logits, const at::Tensor& label, const at::Tensor& weight) const = 0;
  /// @return [R, classes] f32, adding up to 1
  virtual at::Tensor probabilities(const at::Tensor& logits) const = 0;
};

/// The section `objective`.
struct ObjectiveConfig {
  std::string name = "classification";
  double label_smoothing = 0;

  void declare(Fields& fields) {
    fields.add("name", name, "What is minimised").one_of({"classification"});
    fields.add("label_smoothing", label_smoothing, "Share of each label spread evenly over the classes")
        .at_least(0)
        .at_most(0.5);
  }
};

/// @throws InputError  listing the known names
std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const DataSpec& spec);

}  // namespace tev
