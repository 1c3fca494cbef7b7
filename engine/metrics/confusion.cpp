#include "engine/metrics/confusion.hpp"

#include <cmath>
#include <limits>

namespace tev {

ConfusionMetric::ConfusionMetric(std::vector<std::string> classes) : classes_(std::move(classes)), matrix_(classes_.size() * classes_.size(), 0.0) {}

void ConfusionMetric::update(const MetricInput& input) {
  const at::Tensor found = input.probabilities.argmax(1).contiguous(), label = input.label.contiguous(), weight = input.weight.to(at::kDouble).contiguous();
  const auto* found_class = found.const_data_ptr<int64_t>();
  const auto* true_class = label.const_data_ptr<int64_t>();
  const auto* of_row = weight.const_data_ptr<double>();
  for (int64_t i = 0; i < label.numel(); ++i) matrix_[static_cast<size_t>(true_class[i]) * classes_.size() + static_cast<size_t>(found_class[i])] += of_row[i];
}

void ConfusionMetric::merge(const Metric& other) {
  const auto& confusion = dynamic_cast<const ConfusionMetric&>(other);
  for (size_t i = 0; i < matrix_.size(); ++i) matrix_[i] += confusion.matrix_[i];
}

std::vector<MetricValue> ConfusionMetric::value() const {
  const auto ratio = [](double part, double whole) { return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN(); };
  std::vector<MetricValue> ious, efficiencies, purities;
  double sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i < classes_.size(); ++i) {
    double of_class = 0, taken_for_it = 0;
    for (size_t j = 0; j < classes_.size(); ++j) {
      of_class += weight(i, j);
      taken_for_it += weight(j, i);
    }
    const double both = weight(i, i), iou = ratio(both, of_class + taken_for_it - both);
    if (!std::isnan(iou)) sum += iou, ++count;
    ious.push_back({"iou_" + classes_[i], iou, {}, {}, true});
    efficiencies.push_back({"efficiency_" + classes_[i], ratio(both, of_class), {}, {}, true});
    purities.push_back({"purity_" + classes_[i], ratio(both, taken_for_it), {}, {}, true});
  }
  std::vector<MetricValue> values{{"mean_iou", ratio(sum, static_cast<double>(count)), {}, {}}};
  for (auto* more : {&ious, &efficiencies, &purities}) values.insert(values.end(), more->begin(), more->end());
  return values;
}

}  // namespace tev
