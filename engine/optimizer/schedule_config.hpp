#pragma once
// The configuration of the learning-rate schedule.

#include "base/config_fields.hpp"

namespace tev {

/// Section `schedule`: how the learning rate moves from optimizer.lr. The formulas are in schedule.hpp.
struct ScheduleConfig {
  std::string name = "constant";
  int64_t warmup_steps = 0;
  double warmup_start = 0.01;
  double gamma = 0;
  int64_t step_epochs = 1;
  std::string interval = "step";
  double floor = 0;
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
  bool cycle_momentum = true;
  double base_momentum = 0.85;
  double max_momentum = 0.95;

  void declare(Fields& fields) {
    fields.add("name", name, "Course of the learning rate.")
        .one_of({"constant", "step", "exponential", "cosine", "one_cycle"});
    fields
        .add("warmup_steps", warmup_steps,
             "Linear rise to optimizer.lr before the schedule starts; not with one_cycle.")
        .at_least(0)
        .unit("steps");
    fields.add("warmup_start", warmup_start, "Share of optimizer.lr at the first step of the warm-up.")
        .at_least(0).at_most(1);
    fields.add("gamma", gamma, "step, exponential: factor of the learning rate at each decay; must be set for them.")
        .at_least(0).at_most(1);
    fields.add("step_epochs", step_epochs, "step: time between two decays.").at_least(1).unit("epochs");
    fields.add("interval", interval, "exponential, cosine: the learning rate changes every step or every epoch.")
        .one_of({"step", "epoch"});
    fields.add("floor", floor, "step, exponential, cosine: the learning rate does not fall below it.").at_least(0);
    fields.add("pct_start", pct_start, "one_cycle: share of all steps in which the learning rate rises.")
        .at_least(0).at_most(1);
    fields.add("div_factor", div_factor, "one_cycle: starts at optimizer.lr / div_factor.").above(0);
    fields.add("final_div_factor", final_div_factor, "one_cycle: ends at optimizer.lr / div_factor / final_div_factor.")
        .above(0);
    fields.add("cycle_momentum", cycle_momentum,
               "one_cycle: momentum (adam, adamw: beta1) runs against the learning rate.");
    fields.add("base_momentum", base_momentum, "one_cycle: momentum at the highest learning rate; below 1.")
        .at_least(0).at_most(1);
    fields.add("max_momentum", max_momentum, "one_cycle: momentum at start and end; below 1.").at_least(0).at_most(1);
  }
};

}  // namespace tev
