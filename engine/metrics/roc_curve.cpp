#include "engine/metrics/roc_curve.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tev {
namespace {

// A total order, so that sums over tied events do not depend on who was read first.
bool comes_before(const ScoredSample::Event& a, const ScoredSample::Event& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.signal != b.signal) return a.signal;
  return a.weight < b.weight;
}

struct Sums {
  double signal = 0, background = 0, background_squared = 0;

  void add(const ScoredSample::Event& event) {
    if (event.signal) {
      signal += event.weight;
    } else {
      background += event.weight;
      background_squared += event.weight * event.weight;
    }
  }
  double background_count() const { return background_squared > 0 ? background * background / background_squared : 0; }
};

void add_point(RocCurve& curve, double cut, const Sums& sums) {
  curve.cut.push_back(cut);
  curve.signal_efficiency.push_back(sums.signal);
  curve.background_efficiency.push_back(sums.background);
  curve.background_count.push_back(sums.background_count());
  curve.has_background.push_back(sums.background_squared > 0);
}

}  // namespace

void ScoredSample::add(double score, double weight, bool signal) {
  TEV_CHECK(std::isfinite(score) && std::isfinite(weight), "metrics: an event has score ", score, " and weight ",
            weight, " (both must be finite). Look for NaN in the inputs, or for weights of the network that diverged.");
  events_.push_back({score, weight, signal});
}

void ScoredSample::add(const ScoredSample& other) {
  events_.reserve(events_.size() + other.events_.size());
  for (size_t i = 0, count = other.events_.size(); i < count; ++i) events_.push_back(other.events_[i]);
}

RocCurve roc_curve(const ScoredSample& sample, const std::string& name) {
  std::vector<ScoredSample::Event> events = sample.events();
  std::sort(events.begin(), events.end(), comes_before);
  RocCurve curve;
  Sums sums;
  add_point(curve, std::numeric_limits<double>::infinity(), sums);
  for (size_t i = 0; i < events.size(); ++i) {
    sums.add(events[i]);
    const bool last_of_score = i + 1 == events.size() || events[i + 1].score != events[i].score;
    if (last_of_score) add_point(curve, events[i].score, sums);
  }
  TEV_CHECK_INPUT(sums.signal > 0, name, ": the weights of the signal add up to ", sums.signal, " in ", events.size(),
                  " events (a positive total is needed). Check the selection, the label and the weights.");
  TEV_CHECK_INPUT(sums.background > 0, name, ": the weights of the background add up to ", sums.background, " in ",
                  events.size(),
                  " events (a positive total is needed). Check the selection, the label and the weights.");
  for (auto& efficiency : curve.signal_efficiency) efficiency /= sums.signal;
  for (auto& efficiency : curve.background_efficiency) efficiency /= sums.background;
  return curve;
}

double area_under(const RocCurve& curve) {
  double area = 0;
  for (size_t i = 1; i < curve.size(); ++i) {
    const double width = curve.background_efficiency[i] - curve.background_efficiency[i - 1];
    area += width * (curve.signal_efficiency[i] + curve.signal_efficiency[i - 1]) / 2;
  }
  return area;
}

}  // namespace tev
