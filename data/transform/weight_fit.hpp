#pragma once
// The factors of training weights, from the training events.

#include "data/transform/training_weights.hpp"

namespace tev {

/// What the training events weigh: a plain value that a cache can hold.
struct WeightTable {
  std::vector<std::vector<int64_t>> events;  ///< [classes][bins]; without those outside where they get no weight
  std::vector<std::vector<double>> sums;     ///< [classes][bins] of base weights
  std::vector<int64_t> outside;              ///< [classes] events outside the bins
  std::vector<double> outside_sum;           ///< [classes] of their base weights, where they get no weight
  double class_sum(size_t index) const;      ///< of all bins
};

/// Counts events and adds weights; the sums are exact, so that neither the order of the events nor merges change a bit.
class WeightFit {
 public:
  WeightFit(const TrainingWeights& weights, size_t num_classes);
  ~WeightFit();
  WeightFit(WeightFit&&) noexcept;

  /// @param label   [B] int64
  /// @param weight  [B] float32, TrainingWeights::base
  /// @param bins    [B] int64, TrainingWeights::bins; undefined without reweighting
  void add(const at::Tensor& label, const at::Tensor& weight, const at::Tensor& bins);
  void merge(const WeightFit& other);
  WeightTable result() const;

 private:
  struct Sums;
  std::vector<Sums> classes_;
  bool zero_outside_;
};

struct WeightFactors {
  at::Tensor factors;                 ///< [classes, bins] float64
  std::vector<double> class_weight;   ///< sums of the training weights
  std::vector<std::string> warnings;  ///< bins that no factor can fill
};

/// Shape first, which leaves the sum of a class as it is, then class balance, which leaves the sum of all as it is.
/// @throws InputError  a bin or class whose weights add up to nothing or less
WeightFactors weight_factors(const TrainingWeights& weights, const std::vector<std::string>& classes, const WeightTable& table);

/// Lines for a log: events, sums before and after, factors of every class.
std::vector<std::string> weight_report(const TrainingWeights& weights, const DataSpec& spec, const WeightTable& table,
                                       const WeightFactors& factors);

}  // namespace tev
