#pragma once
// Learning rate and momentum as functions of the step.

#include "engine/optimizer/optimizer_config.hpp"
#include "engine/optimizer/schedule_config.hpp"

namespace tev {

/// Length of the run in optimizer steps.
struct ScheduleSpan {
  int64_t steps_per_epoch = 1;
  int64_t total_steps = 1;
};

/// Learning rate and momentum of every step: a pure function, nothing to save or to restore.
///
/// With step s = 0, 1, ..., W = warmup_steps, t = s - W, T = total_steps - W, n = t (interval: step) or
/// t / steps_per_epoch rounded down (interval: epoch), N the same of T rounded up:
///   s < W         lr (warmup_start + (1 - warmup_start) s/W)
///   constant      lr
///   step          max(floor, lr gamma^k),  k = t / (step_epochs steps_per_epoch) rounded down
///   exponential   max(floor, lr gamma^n)
///   cosine        floor + (lr - floor) (1 + cos(pi min(n, N)/N)) / 2
///   one_cycle     cosine pieces lr/div_factor -> lr -> lr/div_factor/final_div_factor, the peak at step
///                 pct_start total_steps - 1, the end at total_steps - 1
/// momentum: moves linearly to final_momentum over momentum_epochs; in a one_cycle with cycle_momentum it goes
/// max_momentum -> base_momentum -> max_momentum in the same pieces. For adam and adamw it is beta1.
/// These are LinearLR followed by LambdaLR(1), StepLR, ExponentialLR, CosineAnnealingLR and OneCycleLR of PyTorch.
/// @source  one_cycle: Smith & Topin 2017 (arXiv:1708.07120); momentum: Baldi et al. 2014 (arXiv:1402.4735)
class Schedule {
 public:
  /// @throws InputError  keys that contradict each other or that would have no effect
  Schedule(const ScheduleConfig& schedule, const OptimizerConfig& optimizer, ScheduleSpan span);

  double lr(int64_t step) const;
  double momentum(int64_t step) const;

 private:
  double one_cycle(int64_t step, double start, double peak, double end) const;
  int64_t intervals(int64_t steps, int64_t rounding) const;

  ScheduleConfig schedule_;
  OptimizerConfig optimizer_;
  ScheduleSpan span_;
};

/// Whether more epochs would change steps that were already taken.
bool depends_on_total_steps(const ScheduleConfig& schedule);

}  // namespace tev
