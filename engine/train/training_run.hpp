#pragma once
// `tevatrain train`: from a configuration file to a finished run directory.

#include "engine/record/terminal.hpp"
#include "engine/train/trainer.hpp"

namespace tev {

struct TrainRequest {
  std::string config_file;
  std::vector<std::string> overrides;
  std::filesystem::path run;                ///< empty: runs/<stem of the configuration file>
  bool fresh = false;                       ///< renames an existing run away
  std::vector<std::string> command_line;    ///< for provenance.json
};

struct TrainReport {
  TrainOutcome outcome = TrainOutcome::finished;
  bool already_finished = false;
  int64_t step = 0;
  std::filesystem::path run;
  std::vector<MetricValue> test;  ///< metrics of the best weights; empty unless finished now
  Split tested = Split::test;     ///< the events of `test`: val where there are no test events
};

/// Starts the run, or continues it where its last checkpoint stands; when the last epoch is done, evaluates the best weights
/// on the test events and writes predictions/test.h5. Without test events the validation events, which chose the weights, take
/// their place, in predictions/val.h5 and with the kind best_validation in metrics.jsonl.
/// @throws InputError  a configuration or data that differ from those of the run
TrainReport run_training(const TrainRequest& request, TerminalMessages& messages);

}  // namespace tev
