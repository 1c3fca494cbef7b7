#pragma once
// From the base weight of an event to its weight in training.

#include "data/transform/preprocess.hpp"
#include "data/weight_config.hpp"

namespace tev {

/// One axis of the histogram of data.weight.reweight.
struct WeightAxis {
  std::string name;
  std::vector<double> edges;
  int64_t num_bins() const { return static_cast<int64_t>(edges.size()) - 1; }
};

/// Training weight = base weight x factor of the event's class and bin. The factors come from a summary of the training events
/// (weight_fit.hpp) or from a checkpoint; until they are set, training weights are base weights.
class TrainingWeights {
 public:
  /// @param objects  as Preprocess
  /// @param classes  in the order of the label
  /// @throws InputError  a mistake in data.weight, with its key
  TrainingWeights(const WeightConfig& config, const std::vector<RawObject>& objects, const std::vector<std::string>& classes);

  const std::vector<WeightAxis>& axes() const { return axes_; }
  /// Cells of the histogram; 1 without reweighting.
  int64_t num_bins() const;
  /// "pt 20 to 50, eta 0 to 1".
  std::string bin_text(int64_t bin) const;
  /// Whether the configuration asks for anything but base weights.
  bool has_factors() const { return !axes_.empty() || config_.balance.front().first != "none"; }
  bool drops_negative() const { return config_.negative == "drop"; }
  const WeightConfig& config() const { return config_; }
  /// The share of the sum of all weights that each class gets; empty: what it has.
  const std::vector<double>& shares() const { return shares_; }

  /// Base weights as training takes them: with data.weight.negative=absolute without sign.
  at::Tensor base(const at::Tensor& weight) const;
  /// The bin of every event: 0, 1, ..., or -1 - nearest bin for one outside; undefined without reweighting.
  /// @param raw    raw columns, as Preprocess::features
  /// @param where  names an event in an error
  /// @return       [B] int64
  /// @throws InputError  a variable is NaN or infinite
  at::Tensor bins(const Columns& raw, const EventName& where) const;

  /// @param factors  [classes, bins] float64; not while other threads use them
  /// @throws Error  another shape
  void set_factors(const at::Tensor& factors);
  /// Undefined: none are set.
  const at::Tensor& factors() const { return factors_; }
  /// @param weight  [B] float32, base()
  /// @param label   [B] int64
  /// @param bins    [B] int64, bins()
  /// @return        [B] float32
  at::Tensor weigh(const at::Tensor& weight, const at::Tensor& label, const at::Tensor& bins) const;

 private:
  void read_balance(const std::vector<std::string>& classes);
  void read_axes(const std::vector<RawObject>& objects, const std::vector<std::string>& classes);

  const WeightConfig config_;
  int64_t num_classes_;
  std::vector<double> shares_;
  std::vector<WeightAxis> axes_;
  std::unique_ptr<Preprocess> variables_;
  at::Tensor factors_;
};

}  // namespace tev
