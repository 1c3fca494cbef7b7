#include "data/transform/training_weights.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <ATen/ops/abs.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tev {
namespace {

constexpr const char* kVariables = "data.weight.reweight.variables.";
/// Cells of the histogram times classes, 16 bytes each in a checkpoint and more in the summary.
constexpr int64_t kMostFactors = int64_t{1} << 20;

double positive_number(const std::string& key, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && std::isfinite(value) && value > 0;
  TEV_CHECK_INPUT(good, key, ": '", text, "' is no share (a positive number was expected). Write ", key.substr(key.rfind('.') + 1), ": 1.");
  return value;
}

std::vector<double> edges_of(const std::string& name, const ReweightVariable& variable) {
  const std::string key = kVariables + name;
  const auto& range = variable.range;
  TEV_CHECK_INPUT(variable.edges.empty() != range.empty(), key, ": ", range.empty() ? "neither edges nor range is" : "edges and range are both",
                  " given (one of them says what the bins are). Write edges: [20, 50, 100], or range: [20, 100] and bins: 40.");
  TEV_CHECK_INPUT(range.empty() == (variable.bins == 0), key, ".bins: ", variable.bins, " (a number of bins belongs to a range). Write range: [20, 100] and bins: 40.");
  std::vector<double> edges = variable.edges;
  if (edges.empty()) {
    TEV_CHECK_INPUT(range.size() == 2 && range[0] < range[1], key, ".range: [", c10::Join(", ", range),
                    "] is not a range (expected [low, high] with low < high).");
    TEV_CHECK_INPUT(variable.bins <= kMostFactors, key, ".bins: ", variable.bins, " (at most ", kMostFactors, " were expected). Make bins wider.");
    for (int64_t i = 0; i <= variable.bins; ++i)
      edges.push_back(i == variable.bins ? range[1] : range[0] + (range[1] - range[0]) * static_cast<double>(i) / static_cast<double>(variable.bins));
  }
  for (double& edge : edges) edge = static_cast<float>(edge);  // values are float32: 0.7 lies in the bin that begins at 0.7
  const bool rising = std::adjacent_find(edges.begin(), edges.end(), [](double a, double b) { return !(a < b); }) == edges.end();
  TEV_CHECK_INPUT(edges.size() >= 2 && rising, key, ".edges: [", c10::Join(", ", edges), "] (at least two rising numbers were expected). Correct them.");
  return edges;
}

/// The bin of a value and whether it lies outside of all: a bin holds its lower edge, the last one both.
std::pair<int64_t, bool> find_bin(const std::vector<double>& edges, double value) {
  const auto last = static_cast<int64_t>(edges.size()) - 2;
  const auto above = std::upper_bound(edges.begin(), edges.end(), value) - edges.begin();
  const bool outside = value < edges.front() || value > edges.back();
  return {std::clamp<int64_t>(above - 1, 0, last), outside};
}

}  // namespace

TrainingWeights::TrainingWeights(const WeightConfig& config, const std::vector<RawObject>& objects, const std::vector<std::string>& classes)
    : config_(config), num_classes_(static_cast<int64_t>(classes.size())) {
  read_balance(classes);
  read_axes(objects, classes);
}

void TrainingWeights::read_balance(const std::vector<std::string>& classes) {
  const auto& balance = config_.balance;
  constexpr const char* key = "data.weight.balance";
  TEV_CHECK_INPUT(!balance.empty(), key, ": empty (none, equal or a share for every class was expected). Write ", key, ": equal.");
  if (balance.size() == 1 && balance.front().second.empty()) {
    const std::string& word = balance.front().first;
    TEV_CHECK_INPUT(word == "none" || word == "equal", key, ": '", word, "' is not one of: none, equal, or a share for every class, such as {",
                    classes.front(), ": 1, ...}.", suggest_name(word, {"none", "equal"}));
    if (word == "equal") shares_.assign(classes.size(), 1.0 / static_cast<double>(classes.size()));
    return;
  }
  shares_.assign(classes.size(), 0);
  double sum = 0;
  for (const auto& [name, values] : balance) {
    const auto found = std::find(classes.begin(), classes.end(), name);
    TEV_CHECK_INPUT(found != classes.end(), key, ".", name, ": not a class (classes: ", join_names(classes), ").", suggest_name(name, classes));
    TEV_CHECK_INPUT(values.size() == 1, key, ".", name, ": ", values.size(), " values (one share was expected). Write ", name, ": 1.");
    sum += shares_[static_cast<size_t>(found - classes.begin())] = positive_number(c10::str(key, ".", name), values.front());
  }
  for (size_t i = 0; i < classes.size(); ++i) {
    TEV_CHECK_INPUT(shares_[i] > 0, key, ".", classes[i], ": missing (every class needs a share, since the others would lose theirs to it). Add it.");
    shares_[i] /= sum;
  }
}

void TrainingWeights::read_axes(const std::vector<RawObject>& objects, const std::vector<std::string>& classes) {
  const auto& reweight = config_.reweight;
  std::vector<std::string> known = classes;
  known.insert(known.begin(), "flat");
  TEV_CHECK_INPUT(std::find(known.begin(), known.end(), reweight.to) != known.end(), "data.weight.reweight.to: '", reweight.to, "' is not one of: ",
                  join_names(known), ".", suggest_name(reweight.to, known));
  if (reweight.variables.empty()) return;
  StringMap expressions;
  for (const auto& [name, variable] : reweight.variables) {
    axes_.push_back({name, edges_of(name, variable)});
    expressions.emplace_back(name, variable.expression.empty() ? name : variable.expression);
    TEV_CHECK_INPUT(num_bins() * num_classes_ <= kMostFactors, kVariables, name, ": gives ", num_bins(), " bins for each of ", num_classes_,
                    " classes (at most ", kMostFactors, " in all, or hardly any holds an event). Use fewer bins.");
  }
  variables_ = std::make_unique<Preprocess>(objects, std::vector<std::pair<std::string, StringMap>>{{"event", expressions}}, std::vector<std::string>{},
                                            [](const std::string&, const std::string& name) { return kVariables + name + ".expression"; });
}

int64_t TrainingWeights::num_bins() const {
  int64_t bins = 1;
  for (const auto& axis : axes_) bins *= axis.num_bins();
  return bins;
}

std::string TrainingWeights::bin_text(int64_t bin) const {
  std::string text;
  for (size_t i = axes_.size(); i-- > 0;) {
    const auto index = static_cast<size_t>(bin % axes_[i].num_bins());
    bin /= axes_[i].num_bins();
    text = c10::str(axes_[i].name, " ", axes_[i].edges[index], " to ", axes_[i].edges[index + 1], text.empty() ? "" : ", ", text);
  }
  return text;
}

at::Tensor TrainingWeights::base(const at::Tensor& weight) const { return config_.negative == "absolute" ? weight.abs() : weight; }

at::Tensor TrainingWeights::bins(const Columns& raw, const EventName& where) const {
  if (axes_.empty()) return {};
  const at::Tensor values = variables_->features(raw, where).at("event").values;
  const float* value = values.const_data_ptr<float>();
  const at::Tensor result = at::empty({values.size(0)}, at::kLong);
  auto* out = result.mutable_data_ptr<int64_t>();
  for (int64_t event = 0; event < values.size(0); ++event) {
    int64_t cell = 0;
    bool outside = false;
    for (const auto& axis : axes_) {
      const auto [bin, beyond] = find_bin(axis.edges, static_cast<double>(*value++));
      cell = cell * axis.num_bins() + bin;
      outside = outside || beyond;
    }
    out[event] = outside ? -1 - cell : cell;
  }
  return result;
}

void TrainingWeights::set_factors(const at::Tensor& factors) {
  TEV_CHECK(factors.scalar_type() == at::kDouble && factors.sizes() == at::IntArrayRef({num_classes_, num_bins()}), "data.weight: factors of shape ",
            factors.sizes(), " (", num_classes_, " classes and ", num_bins(), " bins were expected). Use the configuration they were saved with.");
  factors_ = factors.contiguous();
}

at::Tensor TrainingWeights::weigh(const at::Tensor& weight, const at::Tensor& label, const at::Tensor& bins) const {
  if (!factors_.defined()) return weight;
  const at::Tensor result = at::empty_like(weight);
  const double* factor = factors_.const_data_ptr<double>();
  const auto* from = weight.const_data_ptr<float>();
  const auto* of_class = label.const_data_ptr<int64_t>();
  const int64_t* bin = bins.defined() ? bins.const_data_ptr<int64_t>() : nullptr;
  auto* to = result.mutable_data_ptr<float>();
  const bool zero_outside = config_.reweight.outside == "zero";
  const int64_t num_bins = factors_.size(1);
  for (int64_t i = 0; i < weight.numel(); ++i) {
    const int64_t cell = bin ? (bin[i] < 0 ? -1 - bin[i] : bin[i]) : 0;
    const bool dropped = bin && bin[i] < 0 && zero_outside;
    to[i] = dropped ? 0 : static_cast<float>(from[i] * factor[of_class[i] * num_bins + cell]);
  }
  return result;
}

}  // namespace tev
