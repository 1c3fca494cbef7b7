#pragma once
// The weighted ROC curve of a score.

#include <cstdint>
#include <string>
#include <vector>

namespace tev {

/// Score, weight and class of every event: what ranking metrics are made of.
class ScoredSample {
 public:
  struct Event {
    double score;
    double weight;
    bool signal;
  };

  /// @throws Error for a score or weight that is not finite
  void add(double score, double weight, bool signal);
  void add(const ScoredSample& other);
  const std::vector<Event>& events() const { return events_; }

 private:
  std::vector<Event> events_;
};

/// One point for each different score, from the tightest cut to none at all, after the origin.
struct RocCurve {
  std::vector<double> cut;                  ///< events with score >= cut are selected; +inf at the origin
  std::vector<double> signal_efficiency;    ///< selected share of the signal weight (TPR)
  std::vector<double> background_efficiency;  ///< selected share of the background weight (FPR)
  std::vector<double> background_count;     ///< effective number of selected background events, (sum w)^2 / sum w^2
  std::vector<bool> has_background;         ///< whether a background event of any weight but 0 is selected

  size_t size() const { return cut.size(); }
};

/// Events of equal score are one step of the curve. Negative weights enter with their sign: efficiencies may then leave
/// [0, 1] and fall; only the total of each class must be positive. Sums are in double and in an order that is fixed by
/// the events themselves, so every division of the sample gives the same bits.
/// @param name  what is evaluated, for messages
/// @throws      InputError when the signal or the background weighs nothing or less
RocCurve roc_curve(const ScoredSample& sample, const std::string& name);

/// Area under the curve: the probability that a signal event scores above a background event, ties counting one half.
double area_under(const RocCurve& curve);

}  // namespace tev
