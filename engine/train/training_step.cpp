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
  for (const auto& batch : batches) result.weight += batch.weight.sum(at::kDouble).item<double>();
  if (result.weight == 0) return result;
  // Dropout is a function of the step alone, so that a continued run needs no generator state.
  at::manual_seed(seed_key(options_.seed, SeedUse::dropout, step));
  optimizer_.zero_grad();
  for (const auto& batch : batches) {
    if (batch.size() == 0) continue;
    const double loss_sum = backward(batch, result.weight);
    if (!std::isfinite(loss_sum)) refuse(batch, step);
    result.loss_sum += loss_sum;
  }
  if (options_.clip_norm > 0) clip_gradient_norm(optimizer_.parameters(), options_.clip_norm);
  optimizer_.step(schedule_.lr(step), schedule_.momentum(step));
  return result;
}

/// Adds the gradient of one batch's share of the mean loss; returns its sum of weight x loss.
double TrainingStep::backward(const Batch& batch, double total_weight) {
  at::Tensor loss_sum;
  {
    const PrecisionGuard autocast(options_.precision, device_.type());
    const at::Tensor logits = model_.forward(inputs_for(model_, batch.inputs));
    loss_sum = objective_.loss(logits, batch.label.to(device_), batch.weight.to(device_)).sum;
  }
  loss_sum.div(total_weight).backward();
  return loss_sum.item<double>();
}

void TrainingStep::refuse(const Batch& batch, int64_t step) const {
  const at::NoGradGuard no_grad;
  const at::Tensor logits = model_.forward(inputs_for(model_, batch.inputs)).to(at::kCPU, at::kFloat);
  std::vector<int64_t> ids;
  std::vector<std::string> names;
  for (int64_t i = 0; i < batch.size(); ++i) {
    const at::Tensor sum = objective_.loss(logits.slice(0, i, i + 1), batch.label.slice(0, i, i + 1), batch.weight.slice(0, i, i + 1)).sum;
    if (std::isfinite(sum.item<double>())) continue;
    ids.push_back(batch.sample_id[i].item<int64_t>());
    names.push_back(std::to_string(ids.back()));
  }
  throw NonFiniteLoss(c10::str("train: the loss of step ", step, " is not finite; it comes from ", ids.size(), " of ", batch.size(),
                               " events, sample ids ", join_names(names),
                               ". Lower optimizer.lr, set optimizer.clip_norm, or look at these events."),
                      std::move(ids));
}

}  // namespace tev
