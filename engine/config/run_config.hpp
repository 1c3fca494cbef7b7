#pragma once
// The whole configuration of a run: every component's struct, joined.

#include "data/data_config.hpp"
#include "engine/config/compare.hpp"
#include "engine/config/train_config.hpp"
#include "engine/metrics/metric_set.hpp"
#include "engine/objective/objective.hpp"
#include "engine/optimizer/optimizer_config.hpp"
#include "engine/optimizer/schedule_config.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tev {

struct ModelOptions;

/// The `model` section: a name, and the options that this model declares.
struct ModelConfig {
  std::string name;
  std::shared_ptr<ModelOptions> options;  ///< set as soon as the name is known

  void declare(Fields& fields);
};

struct RunConfig {
  int64_t seed = 1;
  DataConfig data;
  ModelConfig model;
  TrainConfig train;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  ObjectiveConfig objective;
  MetricsConfig metrics;

  void declare(Fields& fields);

  /// Every key with its value; reading it back gives the same configuration.
  std::string resolved_yaml() const;
};

/// Reads, overrides, checks.
/// @param overrides  "train.epochs=3", applied in order
/// @throws InputError  one line: file and line or override, key, value, what was expected
RunConfig load_run_config(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same from text; `name` stands for the file in messages.
RunConfig read_run_config(const std::string& yaml, const std::string& name,
                          const std::vector<std::string>& overrides = {});

/// What no single key can say: files against split, classes, features of objects that are not there, optimizer against
/// schedule.
/// @throws InputError
void check_run_config(const RunConfig& config);

/// What differs, e.g. between the run directory's configuration and the one given now.
std::vector<Difference> differences(const RunConfig& old_config, const RunConfig& new_config);

/// The JSON Schema (draft 2020-12) of a configuration file, one text of `tevatrain schema`.
std::string run_config_schema();

/// docs/configuration.md, `tevatrain schema --reference`.
std::string run_config_reference();

}  // namespace tev
