#pragma once
// Background rejection at chosen signal efficiencies.

#include "engine/metrics/ranking_metric.hpp"

namespace tev {

/// The rejection 1/FPR at the loosest cut that is needed for a signal efficiency.
struct WorkingPoint {
  double signal_efficiency = 0;     ///< reached: at least the one asked for
  std::optional<double> rejection;  ///< none: infinite, no background is left; NaN: undefined, its weights cancel
  std::optional<double> error;      ///< rejection / sqrt(effective number of background events above the cut)
  double cut = 0;
};

/// The first point of the curve, from the tightest cut on, with at least this signal efficiency.
WorkingPoint working_point(const RocCurve& curve, double signal_efficiency);

/// `rejection_30` for a signal efficiency of 0.3, with its error and cut; `rejection_30_<class>` for several classes.
class BackgroundRejectionMetric final : public CurveMetric {
 public:
  explicit BackgroundRejectionMetric(std::vector<double> working_points) : working_points_(std::move(working_points)) {}
  std::vector<MetricValue> value(const std::vector<SignalCurve>& curves) const override;

 private:
  std::vector<double> working_points_;
};

/// "rejection_30" for 0.3, "rejection_0.5" for 0.005: per cent.
std::string rejection_name(double working_point);

}  // namespace tev
