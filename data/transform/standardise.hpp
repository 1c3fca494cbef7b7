#pragma once
// Shift and scale of every feature, fitted once over a stream of blocks.

#include "base/batch.hpp"
#include "base/data_spec.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tev {

/// What is known of one feature; a standardised value is (x - mean) / scale.
struct FeatureScale {
  std::string object;
  std::string feature;
  double mean = 0;     ///< mean_std: the mean; median_width: the median; none: 0
  double scale = 1;    ///< mean_std: population standard deviation; median_width: half the 16-84% width; none: 1
  double minimum = 0;  ///< over all rows that were added
  double maximum = 0;
  int64_t rows = 0;  ///< rows that were added
};

/// The constants of all features, a plain value.
struct Standardisation {
  std::string kind;
  std::vector<FeatureScale> features;  ///< objects and features in the order of the specs
  std::vector<std::string> messages;   ///< features whose scale had to be set to 1, one line each

  /// [F] float32 of one object.
  at::Tensor mean(const std::string& object) const;
  at::Tensor scale(const std::string& object) const;
};

/// Accumulates features (Preprocess::features) over the training split.
/// mean_std: float64, blocks combined by Chan's update: the same order of blocks gives the same bits.
/// median_width: from the `sample_rows` rows of each object with the smallest hash of (sample id, row): the same in
/// any order of blocks, threads and merges.
/// @source Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances"
class StandardiseFit {
 public:
  /// @param kind  "mean_std", "median_width" or "none"
  StandardiseFit(std::string kind, std::vector<ObjectSpec> specs, int64_t sample_rows = int64_t{1} << 20);
  ~StandardiseFit();
  StandardiseFit(StandardiseFit&&) noexcept;
  StandardiseFit& operator=(StandardiseFit&&) noexcept;

  /// @param features   by object: [B, F] or ragged [N, F]; float32, finite
  /// @param sample_id  [B] int64
  void add(const Columns& features, const at::Tensor& sample_id);
  /// Adds what `other` has seen, as if its blocks came after those of this one.
  void merge(const StandardiseFit& other);
  /// A feature that does not vary (or has no row) gets scale 1 and a message; ObjectSpec::raw_features get mean 0,
  /// scale 1.
  Standardisation result() const;

 private:
  struct Accumulator;
  FeatureScale fitted(size_t object, size_t index) const;
  bool is_scaled(const ObjectSpec& spec, const std::string& feature) const;

  std::string kind_;
  std::vector<ObjectSpec> specs_;
  int64_t sample_rows_;
  std::vector<Accumulator> accumulators_;  ///< by object
};

}  // namespace tev
