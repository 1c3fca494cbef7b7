#include "engine/optimizer/schedule.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

namespace tev {
namespace {

constexpr ScheduleSpan span{10, 100};

ScheduleConfig named(const std::string& name, double gamma = 0.5) {
  ScheduleConfig config;
  config.name = name;
  config.gamma = gamma;
  return config;
}

OptimizerConfig sgd(double momentum = 0.9) {
  OptimizerConfig config;
  config.name = "sgd";
  config.lr = 0.1;
  config.momentum = momentum;
  return config;
}

std::string refused(const ScheduleConfig& schedule, const OptimizerConfig& optimizer) {
  return test::error_of<InputError>([&] { Schedule(schedule, optimizer, span); });
}

/// Expects `quantity` (Schedule::lr or Schedule::momentum) to be the second number at the step that is the first.
void expect_at(const Schedule& schedule, double (Schedule::*quantity)(int64_t) const,
               const std::vector<std::pair<int64_t, double>>& expected) {
  for (const auto& [step, value] : expected) EXPECT_DOUBLE_EQ((schedule.*quantity)(step), value) << "step " << step;
}

TEST(ScheduleTest, ConstantStaysForEver) {
  const Schedule schedule({}, sgd(), span);
  for (const int64_t step : {0, 1, 99, 100000}) EXPECT_EQ(schedule.lr(step), 0.1);
}

TEST(ScheduleTest, WarmUpRisesLinearlyAndTheScheduleStartsAfterIt) {
  ScheduleConfig config = named("step");
  config.warmup_steps = 4;
  config.warmup_start = 0.2;
  expect_at({config, sgd(), span}, &Schedule::lr, {{0, 0.02}, {2, 0.06}, {4, 0.1}, {13, 0.1}, {14, 0.05}});
}

TEST(ScheduleTest, StepDecaysAtEpochs) {
  ScheduleConfig config = named("step");
  config.step_epochs = 3;
  config.floor = 0.02;
  expect_at({config, sgd(), span}, &Schedule::lr, {{29, 0.1}, {30, 0.05}, {60, 0.025}, {90, 0.02}});
}

TEST(ScheduleTest, ExponentialPerUpdateDownToAFloorAsBaldiEtAlHaveIt) {
  ScheduleConfig config = named("exponential", 1 / 1.0000002);
  config.floor = 1e-6;
  OptimizerConfig optimizer = sgd();
  optimizer.lr = 0.05;
  const Schedule schedule(config, optimizer, {26'000, 26'000 * 1000});
  EXPECT_NEAR(schedule.lr(5'000'000), 0.05 / std::exp(5e6 * std::log1p(2e-7)), 1e-10);
  EXPECT_EQ(schedule.lr(100'000'000), 1e-6);
}

TEST(ScheduleTest, ExponentialPerEpochIsAStaircase) {
  ScheduleConfig config = named("exponential");
  config.interval = "epoch";
  expect_at({config, sgd(), span}, &Schedule::lr, {{9, 0.1}, {10, 0.05}, {29, 0.025}});
}

TEST(ScheduleTest, CosineEndsAtTheFloorAndStaysThere) {
  ScheduleConfig config = named("cosine");
  config.floor = 0.01;
  expect_at({config, sgd(), span}, &Schedule::lr, {{0, 0.1}, {50, 0.055}, {100, 0.01}, {500, 0.01}});
}

TEST(ScheduleTest, OneCycleRunsMomentumAgainstTheLearningRate) {
  const Schedule schedule(named("one_cycle"), sgd(), span);
  expect_at(schedule, &Schedule::lr, {{0, 0.1 / 25}, {29, 0.1}});
  EXPECT_NEAR(schedule.lr(99), 0.1 / 25 / 1e4, 1e-15);
  EXPECT_EQ(schedule.lr(99), schedule.lr(150));
  expect_at(schedule, &Schedule::momentum, {{0, 0.95}, {29, 0.85}, {99, 0.95}});
}

TEST(ScheduleTest, OneCycleOfAnyLengthIsFinite) {
  for (const double rise : {0.0, 0.1, 1.0})
    for (int64_t total = 1; total < 12; ++total) {
      ScheduleConfig config = named("one_cycle");
      config.pct_start = rise;
      const Schedule schedule(config, sgd(), {1, total});
      for (int64_t step = 0; step <= total; ++step) {
        EXPECT_GT(schedule.lr(step), 0) << rise << " " << total << " " << step;
        EXPECT_LE(schedule.lr(step), 0.1 * (1 + 1e-12));
      }
    }
}

TEST(ScheduleTest, MomentumMovesLinearlyOverItsEpochs) {
  OptimizerConfig optimizer = sgd();
  optimizer.final_momentum = 0.99;
  optimizer.momentum_epochs = 5;
  expect_at({{}, optimizer, span}, &Schedule::momentum, {{0, 0.9}, {25, 0.945}, {50, 0.99}, {99, 0.99}});
}

TEST(ScheduleTest, MomentumOfAdamIsItsBeta1) {
  OptimizerConfig adam;
  adam.beta1 = 0.8;
  EXPECT_EQ(Schedule({}, adam, span).momentum(3), 0.8);
  EXPECT_EQ(Schedule(named("one_cycle"), adam, span).momentum(0), 0.95);
}

TEST(ScheduleTest, KeysThatContradictEachOtherAreInputErrors) {
  EXPECT_NE(refused(named("exponential", 0), sgd()).find("schedule.gamma: 0 (exponential multiplies"),
            std::string::npos);
  ScheduleConfig config = named("cosine");
  config.floor = 1;
  EXPECT_NE(refused(config, sgd()).find("schedule.floor: 1 is above optimizer.lr 0.1"), std::string::npos);
  config.floor = 0;
  config.warmup_steps = 100;
  EXPECT_NE(refused(config, sgd()).find("schedule.warmup_steps: 100 leaves nothing of 100"), std::string::npos);
  config = named("one_cycle");
  EXPECT_NE(refused(config, sgd(0)).find("schedule.cycle_momentum"), std::string::npos);
  config.warmup_steps = 1;
  EXPECT_NE(refused(config, sgd()).find("schedule.warmup_steps: 1 with one_cycle"), std::string::npos);
  OptimizerConfig moving = sgd();
  moving.momentum_epochs = 1;
  EXPECT_NE(refused(named("one_cycle"), moving).find("optimizer.momentum_epochs"), std::string::npos);
}

TEST(ScheduleTest, OnlyCosineAndOneCycleDependOnTheLengthOfTheRun) {
  for (const char* name : {"constant", "step", "exponential", "cosine", "one_cycle"}) {
    const Schedule shorter(named(name), sgd(), {10, 100}), longer(named(name), sgd(), {10, 200});
    bool differs = false;
    for (int64_t step = 0; step < 100; ++step) differs |= shorter.lr(step) != longer.lr(step);
    EXPECT_EQ(differs, depends_on_total_steps(named(name))) << name;
  }
}

}  // namespace
}  // namespace tev
