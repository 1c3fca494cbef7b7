#include "engine/train/training_step.hpp"

#include "base/names.hpp"
#include "base/seed.hpp"
#include "engine/evaluate/batch_device.hpp"
#include "engine/optimizer/gradient_clip.hpp"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace tev {

PrecisionGuard::PrecisionGuard(Precision precision, c10::DeviceType device)
    : device_(device), previous_(at::autocast::is_autocast_enabled(device)) {
  at::autocast::set_autocast_enabled(device_, precision == Precision::bf16);
  if (precision == Precision::bf16) at::autocast::set_autocast_dtype(device_, at::kBFloat16);
  at::autocast::increment_nesting();
}

PrecisionGuard::~PrecisionGuard() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, previous_);
}

TrainingStep::TrainingStep(Model& model, const Objective& objective, Optimizer& optimizer, const Schedule& schedule,
                           StepOptions options)
    : model_(model), objective_(objective), optimizer_(optimizer), schedule_(schedule), options_(options),
      device_(device_of(model)) {}

StepResult TrainingStep::operator()(const std::vector<Batch>& batches, int64_t step) {
  StepResult result;
  for (const auto& batch : batches) result.weight += options_.mean_weight * static_cast<double>(batch.label.size(0));
  if (result.weight == 0) return result;
  optimizer_.zero_grad();
  for (size_t i = 0; i < batches.size(); ++i) {
    if (batches[i].size() == 0) continue;
    seed_dropout(step, i);
    const double loss_sum = backward(batches[i], result.weight);
    if (!std::isfinite(loss_sum)) refuse_loss(batches[i], step, i);
    result.loss_sum += loss_sum;
  }
  const at::Tensor norm = gradient_norm(optimizer_.parameters());
  check_gradient(norm, batches, step);
  if (options_.clip_norm > 0) clip_gradients(optimizer_.parameters(), norm, options_.clip_norm);
  optimizer_.step(schedule_.lr(step), schedule_.momentum(step));
  return result;
}

/// Dropout is a function of the step alone, so that a continued run needs no generator state.
void TrainingStep::seed_dropout(int64_t step, size_t batch) const {
  at::manual_seed(seed_key(options_.seed, SeedUse::dropout, step, batch));
}

at::Tensor TrainingStep::logits(const Batch& batch) {
  const PrecisionGuard autocast(options_.precision, device_.type());
  return logits_of(model_, batch, "train");
}

/// Adds the gradient of one batch's share of the loss; returns its sum of weight x loss.
double TrainingStep::backward(const Batch& batch, double total_weight) {
  const at::Tensor loss_sum = objective_.loss_sum(logits(batch), batch.label.to(device_, /*non_blocking=*/true),
                                                  batch.weight.to(device_, /*non_blocking=*/true));
  loss_sum.div(total_weight).backward();
  return loss_sum.item<double>();
}

/// Finds the events by the same forward pass once more.
void TrainingStep::refuse_loss(const Batch& batch, int64_t step, size_t index) {
  const at::NoGradGuard no_grad;
  seed_dropout(step, index);
  const at::Tensor rows = logits(batch).to(at::kCPU, at::kFloat);
  std::vector<int64_t> ids;
  std::vector<std::string> names;
  for (int64_t i = 0; i < batch.size(); ++i) {
    const auto [first, last] = batch.labels_of(i);
    const at::Tensor sum = objective_.loss_sum(rows.slice(0, first, last), batch.label.slice(0, first, last), batch.weight.slice(0, first, last));
    if (std::isfinite(sum.item<double>())) continue;
    ids.push_back(batch.sample_id[i].item<int64_t>());
    names.push_back(std::to_string(ids.back()));
  }
  const std::string message = c10::str("train: the loss of step ", step, " is not finite; it comes from ", ids.size(), " of ",
                                       batch.size(), " events, sample ids ", join_names(names),
                                       ". Lower optimizer.lr, set optimizer.clip_norm, or look at these events.");
  throw NonFiniteEvents(message, std::move(ids));
}

void TrainingStep::check_gradient(const at::Tensor& norm, const std::vector<Batch>& batches, int64_t step) const {
  const auto value = norm.item<double>();
  if (std::isfinite(value)) return;
  std::vector<int64_t> ids;
  std::vector<std::string> names;
  for (const auto& batch : batches)
    for (int64_t i = 0; i < batch.size(); ++i) {
      ids.push_back(batch.sample_id[i].item<int64_t>());
      names.push_back(std::to_string(ids.back()));
    }
  const std::string message = c10::str("train: the gradient of step ", step, " has the norm ", value,
                                       " although its loss is finite; sample ids ", join_names(names),
                                       ". Lower optimizer.lr, or look at these events.");
  throw NonFiniteEvents(message, std::move(ids));
}

}  // namespace tev
