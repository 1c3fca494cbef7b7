#include "engine/evaluate/evaluate.hpp"

#include "engine/evaluate/batch_device.hpp"
#include "engine/evaluate/non_finite.hpp"

#include <ATen/core/grad_mode.h>

namespace tev {
namespace {

/// Evaluation mode for a while.
class EvaluationMode {
 public:
  explicit EvaluationMode(Model& model) : model_(model), training_(model.is_training()) { model_.eval(); }
  ~EvaluationMode() { model_.train(training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model& model_;
  const bool training_;
};

}  // namespace

bool evaluate(Model& model, const Objective& objective, BatchStream& stream, MetricSet* metrics, const BatchVisitor& visit,
              const std::string& stage, int64_t total, Messages& messages, const std::function<bool()>& stop) {
  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation(model);
  const c10::Device device = device_of(model);
  int64_t done = 0;
  messages.progress(stage, done, total, "events");
  while (const auto batch = stream.next()) {
    if (stop && stop()) {
      messages.end_progress(stage);
      return false;
    }
    if (batch->size() == 0) continue;
    const at::Tensor logits = logits_of(model, *batch, stage);
    MetricInput input;
    input.probabilities = objective.probabilities(logits).to(at::kCPU);
    check_finite_events(input.probabilities, *batch, stage + ": the probabilities",
                        "The weights of the network have diverged. Lower optimizer.lr or set optimizer.clip_norm.");
    input.label = batch->label;
    input.weight = batch->weight;
    if (metrics) {
      input.loss_sum = objective.loss_sum(logits, batch->label.to(device), batch->weight.to(device)).item<double>();
      metrics->update(input);
    }
    if (visit) visit(*batch, input.probabilities);
    done += batch->size();
    messages.progress(stage, done, total, "events");
  }
  messages.end_progress(stage);
  return true;
}

}  // namespace tev
