#pragma once
// Forward, backward, update: one optimizer step.

#include "base/batch.hpp"
#include "engine/evaluate/non_finite.hpp"
#include "engine/objective/objective.hpp"
#include "engine/optimizer/optimizer.hpp"
#include "engine/optimizer/schedule.hpp"
#include "models/model.hpp"

#include <c10/core/Device.h>

namespace tev {

enum class Precision { fp32, bf16 };

/// Runs the enclosed operators under autocast to bfloat16 when asked to; weights and updates stay in fp32.
class PrecisionGuard {
 public:
  PrecisionGuard(Precision precision, c10::DeviceType device);
  ~PrecisionGuard();
  PrecisionGuard(const PrecisionGuard&) = delete;
  PrecisionGuard& operator=(const PrecisionGuard&) = delete;

 private:
  c10::DeviceType device_;
  bool previous_;
};

struct StepOptions {
  Precision precision = Precision::fp32;
  double clip_norm = 0;
  uint64_t seed = 0;
  double mean_weight = 1;  ///< of the training events; positive
};

struct StepResult {
  double loss_sum = 0;  ///< sum of weight x loss
  double weight = 0;    ///< number of labels x mean weight of the training events (or their labelled rows)
};

/// One step on one or several batches: loss, gradients, clipping, update.
///
/// The loss is sum(weight x loss) / (labels x mean weight of the training events, or their labelled rows). It is not divided by the sum of the
/// batch's own weights: with weights of both signs that sum may be next to nothing, and its mean is biased.
class TrainingStep {
 public:
  TrainingStep(Model& model, const Objective& objective, Optimizer& optimizer, const Schedule& schedule, StepOptions options);

  /// @param batches  on the CPU; run one after the other, their gradients add up. Without events nothing is updated
  /// @param step     counts optimizer steps from 0; keys the randomness of dropout
  /// @throws NonFiniteEvents  naming the step and the first sample ids; the weights are then as before the step
  StepResult operator()(const std::vector<Batch>& batches, int64_t step);

 private:
  at::Tensor logits(const Batch& batch);
  double backward(const Batch& batch, double total_weight);
  void seed_dropout(int64_t step, size_t batch) const;
  [[noreturn]] void refuse_loss(const Batch& batch, int64_t step, size_t index);
  void check_gradient(const at::Tensor& norm, const std::vector<Batch>& batches, int64_t step) const;

  Model& model_;
  const Objective& objective_;
  Optimizer& optimizer_;
  const Schedule& schedule_;
  const StepOptions options_;
  const c10::Device device_;
};

}  // namespace tev
