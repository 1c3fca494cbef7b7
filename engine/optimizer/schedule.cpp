#include "engine/optimizer/schedule.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tev {

namespace {

/// Half a cosine wave from `start` at x = 0 to `end` at x = 1.
double half_cosine(double start, double end, double x) {
  return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * x));
}

/// Share of the way from `from` to `to`; a piece without length is at its end.
double share(double at, double from, double to) {
  return to > from ? std::clamp((at - from) / (to - from), 0.0, 1.0) : 1;
}

void check_one_cycle(const ScheduleConfig& schedule, const OptimizerConfig& optimizer) {
  TEV_CHECK_INPUT(schedule.warmup_steps == 0, "schedule.warmup_steps: ", schedule.warmup_steps,
                  " with one_cycle (it has its own rise). Set schedule.pct_start instead.");
  TEV_CHECK_INPUT(schedule.floor == 0, "schedule.floor: ", schedule.floor,
                  " has no effect with one_cycle. Set schedule.final_div_factor instead.");
  if (!schedule.cycle_momentum) return;
  TEV_CHECK_INPUT(schedule.base_momentum < 1 && schedule.max_momentum < 1, "schedule.max_momentum: base_momentum ",
                  schedule.base_momentum, " and max_momentum ", schedule.max_momentum, " must be below 1.");
  TEV_CHECK_INPUT(
      optimizer.name != "sgd" || optimizer.momentum > 0,
      "schedule.cycle_momentum: true with an sgd that has "
      "no momentum. Set optimizer.momentum (the cycle replaces its value) or schedule.cycle_momentum: false.");
  TEV_CHECK_INPUT(optimizer.momentum_epochs == 0, "optimizer.momentum_epochs: ", optimizer.momentum_epochs,
                  " together with one_cycle (both move the momentum). Set schedule.cycle_momentum: false.");
}

}  // namespace

Schedule::Schedule(const ScheduleConfig& schedule, const OptimizerConfig& optimizer, ScheduleSpan span)
    : schedule_(schedule), optimizer_(optimizer), span_(span) {
  TEV_CHECK(span.steps_per_epoch > 0 && span.total_steps > 0, "schedule: ", span.steps_per_epoch,
            " steps per epoch and ", span.total_steps, " steps in all (both must be above 0).");
  if (schedule.name == "one_cycle") check_one_cycle(schedule, optimizer);
  const bool decays = schedule.name == "step" || schedule.name == "exponential";
  TEV_CHECK_INPUT(!decays || schedule.gamma > 0, "schedule.gamma: ", schedule.gamma, " (", schedule.name,
                  " multiplies the learning rate by it). Set it between 0 and 1.");
  TEV_CHECK_INPUT(schedule.floor <= optimizer.lr, "schedule.floor: ", schedule.floor, " is above optimizer.lr ",
                  optimizer.lr, " (the learning rate falls from there).");
  TEV_CHECK_INPUT(schedule.name != "cosine" || schedule.warmup_steps < span.total_steps, "schedule.warmup_steps: ",
                  schedule.warmup_steps, " leaves nothing of ", span.total_steps, " steps for the cosine.");
}

int64_t Schedule::intervals(int64_t steps, int64_t rounding) const {
  return schedule_.interval == "epoch" ? (steps + rounding) / span_.steps_per_epoch : steps;
}

double Schedule::one_cycle(int64_t step, double start, double peak, double end) const {
  const double last = static_cast<double>(span_.total_steps - 1);
  const double top = schedule_.pct_start * static_cast<double>(span_.total_steps) - 1;
  const double at = static_cast<double>(step);
  return at <= top ? half_cosine(start, peak, share(at, 0, top)) : half_cosine(peak, end, share(at, top, last));
}

double Schedule::lr(int64_t step) const {
  const double base = optimizer_.lr;
  const int64_t warmup = schedule_.warmup_steps;
  if (step < warmup) {
    const double done = static_cast<double>(step) / static_cast<double>(warmup);
    return base * (schedule_.warmup_start + (1 - schedule_.warmup_start) * done);
  }
  const int64_t since = step - warmup;
  if (schedule_.name == "step") {
    const auto decays = static_cast<double>(since / (schedule_.step_epochs * span_.steps_per_epoch));
    return std::max(schedule_.floor, base * std::pow(schedule_.gamma, decays));
  }
  if (schedule_.name == "exponential")
    return std::max(schedule_.floor, base * std::pow(schedule_.gamma, static_cast<double>(intervals(since, 0))));
  if (schedule_.name == "cosine") {
    const auto all = static_cast<double>(intervals(span_.total_steps - warmup, span_.steps_per_epoch - 1));
    return half_cosine(base, schedule_.floor, std::min(1.0, static_cast<double>(intervals(since, 0)) / all));
  }
  if (schedule_.name == "one_cycle") {
    const double start = base / schedule_.div_factor;
    return one_cycle(step, start, base, start / schedule_.final_div_factor);
  }
  return base;
}

double Schedule::momentum(int64_t step) const {
  if (schedule_.name == "one_cycle" && schedule_.cycle_momentum)
    return one_cycle(step, schedule_.max_momentum, schedule_.base_momentum, schedule_.max_momentum);
  if (optimizer_.name != "sgd") return optimizer_.beta1;
  if (optimizer_.momentum_epochs == 0) return optimizer_.momentum;
  const double length = optimizer_.momentum_epochs * static_cast<double>(span_.steps_per_epoch);
  const double done = std::min(1.0, static_cast<double>(step) / length);
  return optimizer_.momentum + (optimizer_.final_momentum - optimizer_.momentum) * done;
}

bool depends_on_total_steps(const ScheduleConfig& schedule) {
  return schedule.name == "cosine" || schedule.name == "one_cycle";
}

}  // namespace tev
