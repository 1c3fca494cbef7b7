// The factors of training weights: sums that do not round, shapes that become equal, classes that are balanced.

#include "data/transform/weight_fit.hpp"

#include "data/transform/exact_sum.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace tev {
namespace {

const std::vector<RawObject> objects = {{"event", false, {"pt", "eta"}}};
const std::vector<std::string> classes = {"background", "signal"};

ReweightVariable edges(std::vector<double> values, std::string expression = "") {
  ReweightVariable variable;
  variable.expression = std::move(expression);
  variable.edges = std::move(values);
  return variable;
}

WeightConfig config_to(const std::string& to) {
  WeightConfig config;
  config.reweight.to = to;
  config.reweight.variables = {{"pt", edges({0, 10, 20, 40})}, {"abs_eta", edges({0, 1, 2.5}, "abs(eta)")}};
  return config;
}

struct Events {
  at::Tensor raw, label, weight;  // [B, 2], [B], [B]
  Columns columns() const { return {{"event", {raw, {}}}}; }
  Events chosen(const at::Tensor& order) const { return {raw.index_select(0, order), label.index_select(0, order), weight.index_select(0, order)}; }
  int64_t size() const { return label.size(0); }
};

/// Two classes of different distributions; weights of six orders of magnitude, some of them negative.
Events random_events(int64_t number, double negative = 0.02) {
  std::mt19937_64 random(1);
  std::vector<float> raw, weight;
  std::vector<int64_t> label;
  for (int64_t i = 0; i < number; ++i) {
    const int64_t of = i % 3 == 0;
    raw.push_back(std::fmod(std::abs(static_cast<float>(std::normal_distribution(of ? 25.0 : 12.0, 8.0)(random))), 40.0f));
    raw.push_back(static_cast<float>(std::uniform_real_distribution(-2.5, 2.5)(random)));
    label.push_back(of);
    weight.push_back(static_cast<float>(std::exp(std::normal_distribution(0.0, 2.0)(random))));
    if (std::bernoulli_distribution(negative)(random)) weight.back() *= -0.01f;
  }
  return {at::tensor(raw, at::kFloat).view({-1, 2}), at::tensor(label, at::kLong), at::tensor(weight, at::kFloat)};
}

WeightTable table_of(const TrainingWeights& weights, const Events& events) {
  WeightFit fit(weights, classes.size());
  fit.add(events.label, weights.base(events.weight), weights.bins(events.columns(), {}));
  return fit.result();
}

/// [classes][bins] sums of the training weights as training gets them.
std::vector<std::vector<double>> training_sums(TrainingWeights& weights, const Events& events) {
  weights.set_factors(weight_factors(weights, classes, table_of(weights, events)).factors);
  const at::Tensor bins = weights.bins(events.columns(), {});
  const at::Tensor weighed = weights.weigh(weights.base(events.weight), events.label, bins);
  std::vector<std::vector<double>> sums(2, std::vector<double>(static_cast<size_t>(weights.num_bins())));
  for (int64_t i = 0; i < events.size(); ++i) {
    const int64_t bin = bins.defined() ? bins[i].item<int64_t>() : 0;
    sums[static_cast<size_t>(events.label[i].item<int64_t>())][static_cast<size_t>(bin < 0 ? -1 - bin : bin)] += weighed[i].item<double>();
  }
  return sums;
}

double total(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

void expect_near(double value, double expected) { EXPECT_NEAR(value, expected, 2e-6 * std::abs(expected)); }

TEST(ExactSum, DoesNotRound) {
  const std::vector<float> values = {1e30f, 1.0f, 1e-30f, -1e30f, std::numeric_limits<float>::denorm_min(), -1.0f, std::numeric_limits<float>::max(),
                                     -std::numeric_limits<float>::max(), -0.0f};
  ExactSum sum;
  for (const float value : values) sum.add(value);
  EXPECT_EQ(sum.value(), static_cast<double>(1e-30f) + static_cast<double>(std::numeric_limits<float>::denorm_min()));
  ExactSum integers;
  for (int i = 0; i < 100000; ++i) integers.add(i % 2 ? 16777215.0f : -3.0f);
  EXPECT_EQ(integers.value(), 50000.0 * 16777215 - 150000);
  ExactSum thirds;
  for (int i = 0; i < 3000; ++i) thirds.add(-1.0f / 3);
  EXPECT_EQ(thirds.value(), -3000 * static_cast<double>(1.0f / 3));
}

TEST(WeightFit, SumsDependOnNeitherOrderNorMerges) {
  const TrainingWeights weights(config_to("flat"), objects, classes);
  const Events events = random_events(5000);
  const WeightTable expected = table_of(weights, events);
  const WeightTable shuffled = table_of(weights, events.chosen(at::randperm(events.size(), at::kLong)));
  EXPECT_EQ(shuffled.sums, expected.sums);
  EXPECT_EQ(shuffled.events, expected.events);
  WeightFit first(weights, 2), second(weights, 2);
  const at::Tensor bins = weights.bins(events.columns(), {});
  second.add(events.label.slice(0, 0, 1234), events.weight.slice(0, 0, 1234), bins.slice(0, 0, 1234));
  first.add(events.label.slice(0, 1234), events.weight.slice(0, 1234), bins.slice(0, 1234));
  first.merge(second);
  EXPECT_EQ(first.result().sums, expected.sums);
}

TEST(WeightFit, FlatGivesEveryBinOfAClassTheSameSum) {
  TrainingWeights weights(config_to("flat"), objects, classes);
  const Events events = random_events(5000);
  const auto sums = training_sums(weights, events);
  const WeightTable table = table_of(weights, events);
  for (size_t i = 0; i < 2; ++i) {
    for (const double sum : sums[i]) expect_near(sum, table.class_sum(i) / 6);
    expect_near(total(sums[i]), table.class_sum(i));
  }
}

TEST(WeightFit, AReferenceIsLeftAloneAndTheOthersGetItsShape) {
  WeightConfig config = config_to("signal");
  TrainingWeights weights(config, objects, classes);
  const Events events = random_events(5000);
  const auto sums = training_sums(weights, events);
  const WeightTable table = table_of(weights, events);
  EXPECT_TRUE(at::equal(weights.factors()[1], at::ones({6}, at::kDouble)));
  for (size_t bin = 0; bin < 6; ++bin) expect_near(sums[0][bin] / table.class_sum(0), table.sums[1][bin] / table.class_sum(1));
  expect_near(total(sums[0]), table.class_sum(0));
}

TEST(WeightFit, BalanceSetsTheSumsOfTheClassesAndKeepsTheirTotal) {
  const Events events = random_events(5000);
  const std::vector<std::pair<NamedLists, double>> balances = {{{{"equal", {}}}, 0.5}, {{{"signal", {"1"}}, {"background", {"3"}}}, 0.25}};
  for (const auto& [balance, share] : balances)
    for (const bool reweighted : {false, true}) {
      WeightConfig config = reweighted ? config_to("flat") : WeightConfig{};
      config.balance = balance;
      TrainingWeights weights(config, objects, classes);
      const auto sums = training_sums(weights, events);
      const WeightTable table = table_of(weights, events);
      expect_near(total(sums[0]) + total(sums[1]), table.class_sum(0) + table.class_sum(1));
      expect_near(total(sums[1]), share * (table.class_sum(0) + table.class_sum(1)));
      const auto factors = weight_factors(weights, classes, table);
      for (size_t i = 0; i < 2; ++i) expect_near(factors.class_weight[i], total(sums[i]));
      if (reweighted)
        for (const double sum : sums[1]) expect_near(sum, total(sums[1]) / 6);
    }
}

TEST(WeightFit, NegativeWeightsAreKeptOrMadePositive) {
  const Events events = random_events(5000, 0.5);
  WeightConfig config;
  const double kept = table_of(TrainingWeights(config, objects, classes), events).class_sum(0);
  config.negative = "absolute";
  const double positive = table_of(TrainingWeights(config, objects, classes), events).class_sum(0);
  const at::Tensor own = events.weight.to(at::kDouble).mul(events.label.eq(0));
  EXPECT_NEAR(kept, own.sum().item<double>(), 1e-9 * positive);
  EXPECT_NEAR(positive, own.abs().sum().item<double>(), 1e-9 * positive);
  EXPECT_LT(kept, positive);
}

/// Events of one class each at given pt, weight 1.
Events at_pt(const std::vector<float>& background, const std::vector<float>& signal) {
  std::vector<float> raw;
  std::vector<int64_t> label;
  for (const auto* list : {&background, &signal})
    for (const float pt : *list) {
      raw.insert(raw.end(), {pt, 0});
      label.push_back(list == &signal);
    }
  return {at::tensor(raw, at::kFloat).view({-1, 2}), at::tensor(label, at::kLong), at::ones({static_cast<int64_t>(label.size())}, at::kFloat)};
}

WeightConfig only_pt(const std::string& outside) {
  WeightConfig config;
  config.reweight.variables = {{"pt", edges({0, 10, 20})}};
  config.reweight.outside = outside;
  return config;
}

TEST(WeightFit, ABinHoldsItsLowerEdgeAndTheLastOneBoth) {
  const TrainingWeights weights(only_pt("nearest"), objects, classes);
  const Events events = at_pt({0, 9.99f, 10, 20, 20.01f, -1}, {});
  EXPECT_TRUE(at::equal(weights.bins(events.columns(), {}), at::tensor(std::vector<int64_t>{0, 0, 1, 1, -2, -1}, at::kLong)));
}

TEST(WeightFit, EdgesAreFloat32AsTheValuesAre) {
  WeightConfig config = only_pt("nearest");
  config.reweight.variables = {{"pt", edges({0.7, 0.9, 1.1})}};
  const Events events = at_pt({0.7f, 0.9f, 1.1f}, {});
  EXPECT_TRUE(at::equal(TrainingWeights(config, objects, classes).bins(events.columns(), {}), at::tensor(std::vector<int64_t>{0, 1, 1}, at::kLong)));
}

TEST(WeightFit, EventsOutsideAreCountedInTheNearestBinOrWeighNothing) {
  const Events events = at_pt({1, 2, 15, 30}, {1, 12, 13, -5});
  TrainingWeights nearest(only_pt("nearest"), objects, classes);
  for (const auto& sums : training_sums(nearest, events)) EXPECT_EQ(sums, (std::vector<double>{2, 2}));
  EXPECT_EQ(table_of(nearest, events).outside, (std::vector<int64_t>{1, 1}));
  TrainingWeights zero(only_pt("zero"), objects, classes);
  for (const auto& sums : training_sums(zero, events)) EXPECT_EQ(sums, (std::vector<double>{1.5, 1.5}));
  const auto table = table_of(zero, events);
  EXPECT_EQ(table.events, (std::vector<std::vector<int64_t>>{{2, 1}, {1, 2}}));
  EXPECT_EQ(weight_report(zero, {{}, classes, ""}, table, weight_factors(zero, classes, table))[0],
            "training weights of background: 3 events, sum 3 before, 3 after; factors 0.75 to 1.5; 1 events outside the bins, weight 0 (sum 1 before)");
}

TEST(WeightFit, ABinThatAClassDoesNotHaveIsNamed) {
  const Events events = at_pt({1, 15}, {1, 2});
  TrainingWeights weights(only_pt("nearest"), objects, classes);
  const auto factors = weight_factors(weights, classes, table_of(weights, events));
  EXPECT_EQ(factors.warnings, std::vector<std::string>{"data.weight.reweight: class 'signal' has no training event in 1 of 2 bins that others have events in (the "
                                                       "first: pt 10 to 20); there its distribution stays different. Make the bins wider or fewer."});
  EXPECT_EQ(training_sums(weights, events), (std::vector<std::vector<double>>{{1, 1}, {2, 0}}));
}

TEST(WeightFit, RefusesBinsWhoseWeightsCancel) {
  Events events = at_pt({1, 2, 15}, {1, 15});
  events.weight = at::tensor(std::vector<float>{1, -1, 3, 1, 1}, at::kFloat);
  TrainingWeights weights(only_pt("nearest"), objects, classes);
  EXPECT_EQ(test::error_of<InputError>([&] { weight_factors(weights, classes, table_of(weights, events)); }),
            "data.weight.reweight: the weights of class 'background' in the bin pt 0 to 10 add up to 0 over 2 training events (a positive sum was expected, "
            "which a factor can bring to another). Make the bins wider, or set data.weight.negative=absolute or drop.");
  WeightConfig config = only_pt("zero");
  config.reweight.to = "signal";
  TrainingWeights apart(config, objects, classes);
  const Events nowhere = at_pt({1}, {15}), outside = at_pt({1, 2}, {30});
  EXPECT_EQ(test::error_of<InputError>([&] { weight_factors(apart, classes, table_of(apart, nowhere)); }),
            "data.weight.reweight: class 'background' has no training event where 'signal' has some (its distribution cannot become that of 'signal'). Correct "
            "the bins or data.weight.reweight.to.");
  EXPECT_EQ(test::error_of<InputError>([&] { weight_factors(apart, classes, table_of(apart, outside)); }),
            "data.weight.reweight: class 'background' has no training event where 'signal' has some (its distribution cannot become that of 'signal'). Correct "
            "the bins or data.weight.reweight.to.");
}

std::string error(const WeightConfig& config) {
  return test::error_of<InputError>([&] { TrainingWeights weights(config, objects, classes); });
}

TEST(TrainingWeights, RefusesAConfigurationThatSaysNoWeights) {
  WeightConfig config;
  config.balance = {{"eqal", {}}};
  EXPECT_EQ(error(config), "data.weight.balance: 'eqal' is not one of: none, equal, or a share for every class, such as {background: 1, ...}. Did you mean 'equal'?");
  config.balance = {{"signal", {"1"}}};
  EXPECT_EQ(error(config), "data.weight.balance.background: missing (every class needs a share, since the others would lose theirs to it). Add it.");
  config.balance = {{"signal", {"1"}}, {"bckground", {"1"}}};
  EXPECT_EQ(error(config), "data.weight.balance.bckground: not a class (classes: background, signal). Did you mean 'background'?");
  config.balance = {{"signal", {"1"}}, {"background", {"-2"}}};
  EXPECT_EQ(error(config), "data.weight.balance.background: '-2' is no share (a positive number was expected). Write background: 1.");
  EXPECT_EQ(error(config_to("sginal")), "data.weight.reweight.to: 'sginal' is not one of: flat, background, signal. Did you mean 'signal'?");
  config = {};
  config.reweight.variables = {{"pt", {}}};
  EXPECT_EQ(error(config), "data.weight.reweight.variables.pt: neither edges nor range is given (one of them says what the bins are). Write edges: [20, 50, 100], "
                           "or range: [20, 100] and bins: 40.");
  config.reweight.variables = {{"pt", edges({0, 10, 10})}};
  EXPECT_EQ(error(config), "data.weight.reweight.variables.pt.edges: [0, 10, 10] (at least two rising numbers were expected). Correct them.");
  config.reweight.variables = {{"pt", {}}};
  config.reweight.variables[0].second.range = {0, 1};
  config.reweight.variables[0].second.bins = int64_t{1} << 40;
  EXPECT_EQ(error(config), "data.weight.reweight.variables.pt.bins: 1099511627776 (at most 1048576 were expected). Make bins wider.");
  config.reweight.variables = {{"zz", edges({0, 10})}};
  EXPECT_EQ(error(config).find("used before it is defined"), std::string::npos) << error(config);
  EXPECT_NE(error(config).find("zz"), std::string::npos) << error(config);
  config.reweight.variables = {{"pt", edges({0, 10}, "p_t")}};
  EXPECT_EQ(error(config).rfind("data.weight.reweight.variables.pt.expression: ", 0), 0u) << error(config);
}

}  // namespace
}  // namespace tev
