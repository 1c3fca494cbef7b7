#include "engine/train/training_run.hpp"

#include "base/check.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/config/compare.hpp"
#include "engine/evaluate/batch_device.hpp"
#include "engine/evaluate/evaluate.hpp"
#include "engine/evaluate/model_state.hpp"
#include "engine/evaluate/predictions.hpp"
#include "engine/evaluate/trained_run.hpp"
#include "engine/record/provenance.hpp"
#include "engine/record/run_directory.hpp"
#include "engine/train/input_histograms.hpp"
#include "engine/train/metric_rows.hpp"
#include "engine/train/summary_cache.hpp"
#include "kernels/cuda_library.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/version.h>

#include <algorithm>
#include <thread>

namespace tev {
namespace {

/// What an earlier start of the run has made of `auto` and of sizes left open.
void adopt_resolved(RunConfig& config, const RunConfig& old) {
  if (config.train.device == "auto") config.train.device = old.train.device;
  if (config.data.shuffle_rows == 0) config.data.shuffle_rows = old.data.shuffle_rows;
}

void check_device_of_run(const RunConfig& old, const RunPaths& paths) {
  TEV_CHECK_INPUT(old.train.device != "cuda" || has_cuda(), paths.root.string(), ": the run began on cuda, which is not there (a run ",
                  "keeps its device, since devices round differently). Continue it where there is one, or give another --run.");
}

/// What a run directory asks of a configuration that wants to continue it.
void check_same_physics(const RunConfig& config, const RunConfig& old, const RunPaths& paths) {
  for (const auto& difference : differences(old, config)) {
    if (difference.kind != KeyKind::physics) continue;
    const bool grows = difference.key == "train.epochs" && config.train.epochs > old.train.epochs;
    // The last epoch always has a validation: one that is due there anyway is the same in the longer run.
    const bool same_until_then = !depends_on_total_steps(config.schedule) && old.train.epochs % config.train.validate_every == 0;
    if (grows && same_until_then) continue;
    throw InputError(c10::str(paths.root.string(), ": the run was started with ", difference.text(),
                              grows ? " (the epochs may grow only where neither the schedule nor the epochs of validation depend on them)"
                                    : " (a key that changes the result)",
                              ". Give another --run, or --fresh to rename the old run away."));
  }
}

/// The files must hold what they held when the run began, wherever they lie now. Those of data.test are used at the end
/// alone: until then they may be repaired.
void check_same_data(const DataSession& data, const CheckpointData& checkpoint, RunState state, const RunPaths& paths) {
  const auto now = data.fingerprints();
  for (const auto& [key, old] : checkpoint.state.at("fingerprints").get<std::map<std::string, uint64_t>>()) {
    if (state != RunState::finished && key == split_key(Split::test)) continue;
    const auto found = now.find(key);
    TEV_CHECK_INPUT(found != now.end() && found->second == old, paths.root.string(), ": ", key, ": the files are not those of the run (",
                    "fingerprint of names, types and sampled values ", fmt::format("{:016x}", old), ", now ",
                    found == now.end() ? "no files" : fmt::format("{:016x}", found->second),
                    "). Restore the files, give another --run, or --fresh to rename the old run away.");
  }
}

Provenance provenance_of(const TrainRequest& request, const RunConfig& config, const DataSession& data, int64_t step) {
  Provenance provenance;
  provenance.command_line = request.command_line;
  provenance.resolved_config = config.resolved_yaml();
  provenance.data_fingerprint = fmt::format("{:016x}", data.fingerprint(Split::train));
  provenance.versions = {{"torch", TORCH_VERSION}, {"tevatrain", TEV_VERSION}};
  provenance.threads = at::get_num_threads();
  provenance.from_step = step;
  return provenance;
}

void set_threads(int64_t threads) {
  at::set_num_threads(static_cast<int>(threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency())));
}

void restore_constants(Preprocess& preprocess, const CheckpointData& checkpoint) {
  const auto& constants = checkpoint.parts.at("preprocess");
  preprocess.load_state({constants.begin(), constants.end()});
}

/// The factors of training weights as the run began with them: never fitted again.
void restore_weights(DataSession& data, const CheckpointData& checkpoint) {
  if (!data.training_weights().has_factors()) return;
  const auto part = checkpoint.parts.find("weights");
  TEV_CHECK(part != checkpoint.parts.end() && !part->second.empty(), "checkpoint: step-", checkpoint.step, " has no factors of training weights (data.weight ",
            "asks for them). Give another --run, or --fresh to rename the old run away.");
  data.training_weights().set_factors(part->second.front().second);
}

void say_how_it_shuffles(const DataSession& data, const RunConfig& config, Messages& messages) {
  const auto& shuffle = data.shuffle();
  messages.info(fmt::format("{} training events in {} units; shuffled among {} ({} lanes); class fractions of batches spread "
                            "at most {:.2f} times as much as in a perfect shuffle",
                            shuffle.num_rows, shuffle.num_units, shuffle.round_rows(),
                            shuffle.lanes, spread_bound(shuffle, config.train.batch_size)));
}

/// The best weights on the events that were held back; false if a signal came first.
bool test_best(const RunConfig& config, DataSession& data, Model& model, const Objective& objective, CheckpointStore& checkpoints,
               const RunPaths& paths, const TrainState& state, JsonlWriter& metrics_file, const StopRequest& stop, Messages& messages,
               TrainReport& report) {
  const CheckpointData best = checkpoints.load_best();
  load_model_state(model, best.parts.at("model"));
  prepare_inference(model);
  report.tested = data.has(Split::test) ? Split::test : Split::val;
  if (!data.has(report.tested)) return true;
  const bool is_test = report.tested == Split::test;
  MetricSet metrics(config.metrics, data.spec());
  std::filesystem::create_directories(paths.predictions());
  PredictionWriter writer(data.catalog_thread(), (paths.predictions() / (is_test ? "test.h5" : "val.h5")).string(), data.spec(),
                          signal_classes(config.metrics, data.spec()).front().index);
  const auto stream = data.evaluation_stream(report.tested, config.train.batch_size);
  if (!evaluate(model, objective, *stream, &metrics,
                [&writer](const Batch& batch, const at::Tensor& probabilities) { writer.append(batch, probabilities); },
                is_test ? "test" : "best validation", data.num_events(report.tested), messages, [&stop] { return stop.signal() != 0; }))
    return false;
  writer.close();
  report.test = metrics.values(data.files_key(report.tested));
  metrics_file.append(metrics_row(is_test ? "test" : "best_validation", state.cursor.epoch, best.step, report.test));
  metrics_file.sync();
  return true;
}

void save_sample_ids(const RunPaths& paths, const NonFiniteEvents& error, int64_t step) {
  replace_file(paths.root / fmt::format("nonfinite_step-{}.json", step),
               nlohmann::json{{"step", step}, {"sample_ids", error.sample_ids}}.dump());
}

/// What a shorter run has predicted is no result of the longer one.
void remove_predictions(const RunPaths& paths) {
  for (const char* name : {"test.h5", "val.h5"}) std::filesystem::remove(paths.predictions() / name);
}

TrainReport train_in(RunDirectory& directory, const TrainRequest& request, const RunConfig& config, DataSession& data,
                     CheckpointStore& checkpoints, const std::optional<CheckpointData>& checkpoint, StopRequest& stop,
                     TerminalMessages& messages) {
  const RunPaths& paths = directory.paths();
  TrainReport report;
  report.run = paths.root;
  double mean_weight = 1;
  if (checkpoint) {
    restore_constants(*data.preprocess(), *checkpoint);
    restore_weights(data, *checkpoint);
    mean_weight = checkpoint->state.at("mean_weight");
  } else {
    const auto summary = cached_summary(data, config.data, config.seed, messages, [&stop] { return stop.signal() != 0; });
    if (!summary) {
      report.outcome = TrainOutcome::stopped;
      return report;
    }
    data.standardise(summary->standardisation);
    if (data.training_weights().has_factors()) data.training_weights().set_factors(data.fit_weights(summary->weights).factors);
    mean_weight = summary->mean_weight();
    write_input_histograms(paths.root / "inputs.json", data, *summary);
  }
  const auto model = make_model(config, data.spec(), choose_device(config.train.device));
  if (device_of(*model).is_cuda()) data.pin_batches();
  const auto objective = make_objective(config.objective, data.spec());
  JsonlWriter metrics(paths.metrics()), timing(paths.timing());
  Trainer trainer({config, mean_weight, data, *model, *objective, checkpoints, metrics, timing, stop, messages});
  // Before anything of a finished run is taken back: what is killed from here on goes on at the next start.
  directory.set_state(RunState::started, checkpoint ? checkpoint->step : 0);
  remove_predictions(paths);
  if (checkpoint) {
    trainer.restore(*checkpoint);
    messages.info(fmt::format("{}: continues from step {}", paths.root.string(), trainer.state().step));
  } else {
    metrics.truncate_to(0);
  }
  say_how_it_shuffles(data, config, messages);
  directory.write_config(config.resolved_yaml());
  add_provenance(paths.provenance(), provenance_of(request, config, data, trainer.state().step));
  try {
    report.outcome = trainer.run();
    report.step = trainer.state().step;
    if (report.outcome == TrainOutcome::finished &&
        !test_best(config, data, *model, *objective, checkpoints, paths, trainer.state(), metrics, stop, messages, report))
      report.outcome = TrainOutcome::stopped;
  } catch (const NonFiniteEvents& error) {
    save_sample_ids(paths, error, trainer.state().step);
    throw;
  }
  directory.set_state(report.outcome == TrainOutcome::finished ? RunState::finished : RunState::stopped, report.step);
  return report;
}

/// The answer for a run that has nothing left to do. Its data are compared where they are still there.
TrainReport finished_report(const RunConfig& config, const RunConfig& old, const RunPaths& paths, Messages& messages) {
  std::unique_ptr<DataSession> data;
  std::optional<CheckpointData> checkpoint;
  try {
    checkpoint = CheckpointStore(paths.checkpoints(), messages, StoreAccess::read).load_latest();
    data = std::make_unique<DataSession>(config.data, static_cast<uint64_t>(config.seed), messages);
  } catch (const Error& error) {
    messages.info(c10::str(paths.root.string(), ": not compared with the data of the run: ", error.what()));
  }
  if (data && checkpoint) check_same_data(*data, *checkpoint, RunState::finished, paths);
  if (old.data.test.empty() && !config.data.test.empty())
    messages.info(c10::str("data.test: the run has finished without these files. Measure the best weights on them: tevatrain evaluate ",
                           paths.root.string(), " --data ", c10::Join(" ", config.data.test)));
  TrainReport report;
  report.already_finished = true;
  report.run = paths.root;
  return report;
}

}  // namespace

TrainReport run_training(const TrainRequest& request, TerminalMessages& messages) {
  StopRequest stop;
  RunConfig config = load_run_config(request.config_file, request.overrides);
  const RunPaths paths{request.run.empty() ? default_run_directory(request.config_file) : request.run};
  const RunState state = request.fresh ? RunState::absent : run_state(paths.root);
  if (state != RunState::absent && std::filesystem::exists(paths.config())) {
    const RunConfig old = load_run_config(paths.config().string(), {});
    adopt_resolved(config, old);
    check_same_physics(config, old, paths);
    if (state == RunState::finished && config.train.epochs <= old.train.epochs) return finished_report(config, old, paths, messages);
    check_device_of_run(old, paths);
  }
  set_threads(config.train.threads);
  DataSession data(config.data, static_cast<uint64_t>(config.seed), messages);
  resolve_open_keys(config, data);
  data.check_evaluation_fits();
  if (request.fresh) {
    if (const auto moved = move_run_aside(paths.root)) messages.info(paths.root.string() + ": the old run is now " + moved->string());
  }
  RunDirectory directory(paths.root);
  messages.also_write_to(paths.log());
  CheckpointStore checkpoints(paths.checkpoints(), messages);
  const auto checkpoint = checkpoints.load_latest();
  if (checkpoint) check_same_data(data, *checkpoint, state, paths);
  const TrainReport report = train_in(directory, request, config, data, checkpoints, checkpoint, stop, messages);
  if (state == RunState::finished && checkpoint && report.step == checkpoint->step)
    messages.info(paths.root.string() + ": train.early_stopping has ended this run, more epochs change nothing. Start another (--run).");
  return report;
}

}  // namespace tev
