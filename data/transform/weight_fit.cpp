#include "data/transform/weight_fit.hpp"

#include "base/check.hpp"
#include "data/transform/exact_sum.hpp"

#include <ATen/ops/ones.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>

namespace tev {
namespace {

/// Where bins are counted: all of one class.
struct ClassBins {
  const std::vector<int64_t>& events;
  const std::vector<double>& sums;
};

/// The sum that each bin of a class shall have, in any unit: all equal, or those of the class that is the target.
std::vector<double> target_shape(const WeightTable& table, std::optional<size_t> target, size_t num_bins) {
  return target ? table.sums[*target] : std::vector<double>(num_bins, 1.0);
}

/// Factors of one class. A bin without events stays empty, and the others share its part.
void fit_shape(const ClassBins& bins, const std::vector<double>& target, double class_sum, double* factors) {
  double reachable = 0;
  for (size_t bin = 0; bin < target.size(); ++bin)
    if (bins.events[bin] > 0) reachable += target[bin];
  for (size_t bin = 0; bin < target.size(); ++bin)
    factors[bin] = bins.events[bin] > 0 && reachable > 0 ? class_sum * (target[bin] / reachable) / bins.sums[bin] : 0;
}

void check_sums(const TrainingWeights& weights, const std::vector<std::string>& classes, const WeightTable& table) {
  if (weights.axes().empty()) return;
  for (size_t i = 0; i < classes.size(); ++i)
    for (size_t bin = 0; bin < table.events[i].size(); ++bin)
      TEV_CHECK_INPUT(table.events[i][bin] == 0 || table.sums[i][bin] > 0, "data.weight.reweight: the weights of class '", classes[i], "' in the bin ",
                      weights.bin_text(static_cast<int64_t>(bin)), " add up to ", table.sums[i][bin], " over ", table.events[i][bin],
                      " training events (a positive sum was expected, which a factor can bring to another). Make the bins wider, or set "
                      "data.weight.negative=absolute or drop.");
}

/// Bins where some classes have events and this one has none: there the distributions cannot become equal.
std::string missing_bins(const TrainingWeights& weights, const std::string& name, const WeightTable& table, size_t index) {
  int64_t missing = 0, first = -1, filled = 0;
  for (size_t bin = 0; bin < table.events[index].size(); ++bin) {
    if (std::none_of(table.events.begin(), table.events.end(), [bin](const auto& events) { return events[bin] > 0; })) continue;
    ++filled;
    if (table.events[index][bin] > 0) continue;
    if (missing++ == 0) first = static_cast<int64_t>(bin);
  }
  if (missing == 0) return "";
  return c10::str("data.weight.reweight: class '", name, "' has no training event in ", missing, " of ", filled, " bins that others have events in (the first: ",
                  weights.bin_text(first), "); there its distribution stays different. Make the bins wider or fewer.");
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace

double WeightTable::class_sum(size_t index) const { return std::accumulate(sums[index].begin(), sums[index].end(), 0.0); }

struct WeightFit::Sums {
  std::vector<int64_t> events;
  std::vector<ExactSum> sums;
  int64_t outside = 0;
  ExactSum outside_sum;
};

WeightFit::WeightFit(const TrainingWeights& weights, size_t num_classes) : zero_outside_(weights.config().reweight.outside == "zero") {
  const auto bins = static_cast<size_t>(weights.num_bins());
  classes_.assign(num_classes, {std::vector<int64_t>(bins), std::vector<ExactSum>(bins), 0, {}});
}

WeightFit::~WeightFit() = default;
WeightFit::WeightFit(WeightFit&&) noexcept = default;

void WeightFit::add(const at::Tensor& label, const at::Tensor& weight, const at::Tensor& bins) {
  const auto* of_class = label.const_data_ptr<int64_t>();
  const auto* value = weight.const_data_ptr<float>();
  const int64_t* bin = bins.defined() ? bins.const_data_ptr<int64_t>() : nullptr;
  for (int64_t i = 0; i < label.numel(); ++i) {
    Sums& sums = classes_[static_cast<size_t>(of_class[i])];
    const bool outside = bin && bin[i] < 0;
    sums.outside += outside;
    if (outside && zero_outside_) {
      sums.outside_sum.add(value[i]);
      continue;
    }
    const auto cell = static_cast<size_t>(outside ? -1 - bin[i] : bin ? bin[i] : 0);
    ++sums.events[cell];
    sums.sums[cell].add(value[i]);
  }
}

void WeightFit::merge(const WeightFit& other) {
  TEV_CHECK(classes_.size() == other.classes_.size(), "data.weight: two fits of different classes.");
  for (size_t i = 0; i < classes_.size(); ++i) {
    Sums& sums = classes_[i];
    const Sums& more = other.classes_[i];
    for (size_t bin = 0; bin < sums.sums.size(); ++bin) {
      sums.events[bin] += more.events[bin];
      sums.sums[bin].merge(more.sums[bin]);
    }
    sums.outside += more.outside;
    sums.outside_sum.merge(more.outside_sum);
  }
}

WeightTable WeightFit::result() const {
  WeightTable table;
  for (const Sums& sums : classes_) {
    table.events.push_back(sums.events);
    table.sums.emplace_back();
    for (const auto& sum : sums.sums) table.sums.back().push_back(sum.value());
    table.outside.push_back(sums.outside);
    table.outside_sum.push_back(sums.outside_sum.value());
  }
  return table;
}

WeightFactors weight_factors(const TrainingWeights& weights, const std::vector<std::string>& classes, const WeightTable& table) {
  check_sums(weights, classes, table);
  const auto& to = weights.config().reweight.to;
  const auto found = std::find(classes.begin(), classes.end(), to);
  const auto target = found == classes.end() ? std::nullopt : std::optional<size_t>(found - classes.begin());
  const auto num_bins = static_cast<size_t>(weights.num_bins());
  WeightFactors result{at::ones({static_cast<int64_t>(classes.size()), weights.num_bins()}, at::kDouble), {}, {}};
  double total = 0;
  for (size_t i = 0; i < classes.size(); ++i) total += table.class_sum(i);
  const std::vector<double> shape = target_shape(table, target, num_bins);
  for (size_t i = 0; i < classes.size(); ++i) {
    double* factors = result.factors.mutable_data_ptr<double>() + i * num_bins;
    const double class_sum = table.class_sum(i);
    if (!weights.axes().empty()) {
      TEV_CHECK_INPUT(class_sum > 0, "data.weight.reweight: class '", classes[i], "' has no weight inside the bins (", table.outside[i],
                      " training events lie outside). Correct the bins.");
      if (target != i) fit_shape({table.events[i], table.sums[i]}, shape, class_sum, factors);
      const auto missing = missing_bins(weights, classes[i], table, i);
      if (!missing.empty()) result.warnings.push_back(missing);
    }
    double sum = 0;
    for (size_t bin = 0; bin < num_bins; ++bin) {
      if (!weights.shares().empty()) factors[bin] *= weights.shares()[i] * total / class_sum;
      sum += factors[bin] * table.sums[i][bin];
    }
    TEV_CHECK_INPUT(sum > 0, "data.weight.reweight: class '", classes[i], "' has no training event where '", to,
                    "' has some (its distribution cannot become that of '", to, "'). Correct the bins or data.weight.reweight.to.");
    result.class_weight.push_back(sum);
  }
  return result;
}

std::vector<std::string> weight_report(const TrainingWeights& weights, const DataSpec& spec, const WeightTable& table,
                                       const WeightFactors& factors) {
  const std::string labelled = spec.label_object.empty() ? " events" : " rows of '" + spec.label_object + "'";
  std::vector<std::string> lines;
  for (size_t i = 0; i < spec.classes.size(); ++i) {
    const auto [low, high] = [&] {
      const double* own = factors.factors.const_data_ptr<double>() + static_cast<int64_t>(i) * weights.num_bins();
      double least = 0, most = 0;
      bool any = false;
      for (size_t bin = 0; bin < table.events[i].size(); ++bin) {
        if (table.events[i][bin] == 0) continue;
        least = any ? std::min(least, own[bin]) : own[bin];
        most = any ? std::max(most, own[bin]) : own[bin];
        any = true;
      }
      return std::pair{least, most};
    }();
    const int64_t events = std::accumulate(table.events[i].begin(), table.events[i].end(), int64_t{0});
    std::string line = c10::str("training weights of ", spec.classes[i], ": ", events, labelled, ", sum ", number(table.class_sum(i)), " before, ",
                                number(factors.class_weight[i]), " after; factors ", number(low), " to ", number(high));
    if (table.outside[i] > 0)
      line += c10::str("; ", table.outside[i], " events outside the bins",
                       weights.config().reweight.outside == "zero" ? c10::str(", weight 0 (sum ", number(table.outside_sum[i]), " before)")
                                                                    : std::string(", counted in the nearest one"));
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace tev
