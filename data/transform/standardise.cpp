#include "data/transform/standardise.hpp"

#include "base/check.hpp"
#include "base/seed.hpp"
#include "data/transform/row_sample.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

namespace tev {
namespace {

/// Mean and sum of squared deviations of one feature.
struct Moments {
  double count = 0, mean = 0, m2 = 0;
  double minimum = std::numeric_limits<double>::infinity(), maximum = -std::numeric_limits<double>::infinity();

  void merge(const Moments& other) {
    if (other.count == 0) return;
    const double total = count + other.count, delta = other.mean - mean;
    mean += delta * other.count / total;
    m2 += other.m2 + delta * delta * count * other.count / total;
    count = total;
    minimum = std::min(minimum, other.minimum);
    maximum = std::max(maximum, other.maximum);
  }
};

/// Two passes over one block: sums, then squared deviations from the block's own mean.
std::vector<Moments> block_moments(const float* values, int64_t rows, size_t width) {
  std::vector<Moments> moments(width);
  for (int64_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < width; ++i) {
      const double value = values[static_cast<size_t>(row) * width + i];
      moments[i].mean += value;
      moments[i].minimum = std::min(moments[i].minimum, value);
      moments[i].maximum = std::max(moments[i].maximum, value);
    }
  for (auto& moment : moments) {
    moment.count = static_cast<double>(rows);
    moment.mean /= std::max(moment.count, 1.0);
  }
  for (int64_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < width; ++i) {
      const double deviation = values[static_cast<size_t>(row) * width + i] - moments[i].mean;
      moments[i].m2 += deviation * deviation;
    }
  return moments;
}

/// Quantile with linear interpolation between order statistics; reorders `values`.
double quantile(std::vector<float>& values, double q) {
  const double position = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(position);
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), nth, values.end());
  const double low = *nth;
  if (nth + 1 == values.end()) return low;
  return low + (position - static_cast<double>(below)) * (*std::min_element(nth + 1, values.end()) - low);
}

at::Tensor to_tensor(const std::vector<FeatureScale>& features, const std::string& object,
                     double FeatureScale::*member) {
  std::vector<float> values;
  for (const auto& feature : features)
    if (feature.object == object) values.push_back(static_cast<float>(feature.*member));
  return at::tensor(values, at::kFloat);
}

}  // namespace

struct StandardiseFit::Accumulator {
  explicit Accumulator(size_t width, int64_t sample_rows) : moments(width), sample(width, sample_rows) {}
  std::vector<Moments> moments;
  RowSample sample;
};

at::Tensor Standardisation::mean(const std::string& object) const {
  return to_tensor(features, object, &FeatureScale::mean);
}
at::Tensor Standardisation::scale(const std::string& object) const {
  return to_tensor(features, object, &FeatureScale::scale);
}

StandardiseFit::StandardiseFit(std::string kind, std::vector<ObjectSpec> specs, int64_t sample_rows)
    : kind_(std::move(kind)), specs_(std::move(specs)), sample_rows_(sample_rows) {
  TEV_CHECK_INPUT(kind_ == "mean_std" || kind_ == "median_width" || kind_ == "none", "data.standardise: '", kind_,
                  "' is unknown (known: mean_std, median_width, none).");
  for (const auto& spec : specs_) accumulators_.emplace_back(spec.features.size(), sample_rows_);
}

StandardiseFit::~StandardiseFit() = default;
StandardiseFit::StandardiseFit(StandardiseFit&&) noexcept = default;
StandardiseFit& StandardiseFit::operator=(StandardiseFit&&) noexcept = default;

void StandardiseFit::add(const Columns& features, const at::Tensor& sample_id) {
  const int64_t* ids = sample_id.const_data_ptr<int64_t>();
  for (size_t i = 0; i < specs_.size(); ++i) {
    const Column& column = features.at(specs_[i].name);
    const at::Tensor values = column.values.contiguous();
    const float* data = values.const_data_ptr<float>();
    const size_t width = specs_[i].features.size();
    TEV_EXPECT(values.dim() == 2 && values.size(1) == static_cast<int64_t>(width));
    const std::vector<Moments> block = block_moments(data, values.size(0), width);
    for (size_t j = 0; j < width; ++j) accumulators_[i].moments[j].merge(block[j]);
    if (kind_ != "median_width") continue;
    const int64_t* offsets = column.ragged() ? column.offsets.const_data_ptr<int64_t>() : nullptr;
    for (int64_t event = 0; event < sample_id.size(0); ++event) {
      const int64_t first = offsets ? offsets[event] : event, last = offsets ? offsets[event + 1] : event + 1;
      for (int64_t row = first; row < last; ++row)
        accumulators_[i].sample.offer(seed_key(static_cast<uint64_t>(SeedUse::sample), ids[event], row - first),
                                      data + static_cast<size_t>(row) * width);
    }
  }
}

void StandardiseFit::merge(const StandardiseFit& other) {
  TEV_CHECK(kind_ == other.kind_ && accumulators_.size() == other.accumulators_.size(),
            "data.standardise: two fits of different kind.");
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    for (size_t j = 0; j < accumulators_[i].moments.size(); ++j)
      accumulators_[i].moments[j].merge(other.accumulators_[i].moments[j]);
    accumulators_[i].sample.merge(other.accumulators_[i].sample);
  }
}

FeatureScale StandardiseFit::fitted(size_t object, size_t index) const {
  const ObjectSpec& spec = specs_[object];
  const Moments& moments = accumulators_[object].moments[index];
  FeatureScale feature;
  feature.object = spec.name;
  feature.feature = spec.features[index];
  feature.rows = static_cast<int64_t>(moments.count);
  if (feature.rows == 0) return feature;
  feature.minimum = moments.minimum;
  feature.maximum = moments.maximum;
  if (!is_scaled(spec, feature.feature)) return feature;
  if (kind_ == "mean_std") {
    feature.mean = moments.mean;
    feature.scale = std::sqrt(moments.m2 / moments.count);
  } else {
    std::vector<float> values = accumulators_[object].sample.column(index);
    feature.mean = quantile(values, 0.5);
    feature.scale = 0.5 * (quantile(values, 0.84) - quantile(values, 0.16));
  }
  return feature;
}

bool StandardiseFit::is_scaled(const ObjectSpec& spec, const std::string& feature) const {
  const auto& raw = spec.raw_features;
  return kind_ != "none" && std::find(raw.begin(), raw.end(), feature) == raw.end();
}

Standardisation StandardiseFit::result() const {
  Standardisation result{kind_, {}, {}};
  for (size_t i = 0; i < specs_.size(); ++i)
    for (size_t j = 0; j < specs_[i].features.size(); ++j) {
      FeatureScale feature = fitted(i, j);
      // Narrower than float32 resolves at this mean: rounding, not information.
      const bool flat = feature.scale <= 1e-7 * std::abs(feature.mean) || feature.scale < 1e-37;
      if (flat) feature.scale = 1;
      if (is_scaled(specs_[i], feature.feature) && (flat || feature.rows == 0))
        result.messages.push_back(c10::str("data.features.", feature.object, ".", feature.feature, ": ",
                                           flat ? "does not vary" : "has no rows", " (", feature.rows, " rows from ",
                                           feature.minimum, " to ", feature.maximum, "); its scale is set to 1."));
      result.features.push_back(std::move(feature));
    }
  return result;
}

}  // namespace tev
