#include "base/check.hpp"
#include "base/names.hpp"
#include "data/transform/class_labels.hpp"
#include "engine/config/run_config.hpp"
#include "engine/optimizer/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace tev {
namespace {

/// One set of files with shares, or files for each use.
void check_files(const DataConfig& data) {
  const auto& split = data.split;
  const double sum = split.train + split.val + split.test;
  if (data.files.empty()) {
    TEV_CHECK_INPUT(!data.train.empty(), "data.train: missing (no training files, and no data.files to cut). Add it.");
    TEV_CHECK_INPUT(!data.val.empty(), "data.val: missing (validation events choose the best checkpoint). Add it.");
    TEV_CHECK_INPUT(sum == 0,
                    "data.split: given without data.files, which it cuts. Give data.files instead of data.train.");
    return;
  }
  TEV_CHECK_INPUT(data.train.empty() && data.val.empty() && data.test.empty(),
                  "data.files: given together with data.train, data.val or data.test. Keep one of the two ways.");
  TEV_CHECK_INPUT(split.train > 0 && split.val > 0, "data.split: train ", split.train, " and val ", split.val,
                  " (both need a share of data.files). Write split: {train: 0.8, val: 0.1, test: 0.1}.");
  constexpr double rounding = 1e-9;  // 0.8 + 0.1 + 0.1 is not 1
  TEV_CHECK_INPUT(sum <= 1 + rounding, "data.split: the shares add up to ", sum, " (at most 1 was expected). Make them smaller.");
}

void check_features(const DataConfig& data) {
  TEV_CHECK_INPUT(!data.objects.empty(),
                  "data.objects: missing (no object to read). Add one, such as part: {field: ...}.");
  std::vector<std::string> objects = {"event"};  // features of the event can be made from the rows of other objects
  for (const auto& [name, object] : data.objects) objects.push_back(name);
  size_t features = 0;
  for (const auto& [object, expressions] : data.features) {
    TEV_CHECK_INPUT(std::find(objects.begin(), objects.end(), object) != objects.end(), "data.features.", object,
                    ": no such object (objects: ", join_names(objects), ").", suggest_name(object, objects));
    features += expressions.size();
  }
  TEV_CHECK_INPUT(features > 0,
                  "data.features: missing (the network would have no input). Add <object>: {<name>: <expression>}.");
}

/// Rows are counted, not ranked: a test set has too many of them to sort.
void check_monitor(const RunConfig& config) {
  const bool of_rows = !config.data.label.object.empty();
  const std::string& monitor = config.train.monitor;
  TEV_CHECK_INPUT(of_rows ? monitor != "auc" : monitor != "mean_iou", "train.monitor: '", monitor, "' is not measured where ",
                  of_rows ? "rows" : "events", " have classes (known: loss, accuracy, ", of_rows ? "mean_iou" : "auc", ").");
}

void check_optimizer(const RunConfig& config) {
  config.optimizer.validate();
  // The length of the run is not known before the data are open; any long one brings out the contradictions.
  constexpr ScheduleSpan long_run{1, int64_t{1} << 40};
  Schedule(config.schedule, config.optimizer, long_run);
}

}  // namespace

void check_run_config(const RunConfig& config) {
  check_files(config.data);
  ClassLabels{config.data.label};
  check_features(config.data);
  check_monitor(config);
  check_optimizer(config);
}

}  // namespace tev
