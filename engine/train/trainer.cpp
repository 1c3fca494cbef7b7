#include "engine/train/trainer.hpp"

#include "engine/evaluate/evaluate.hpp"
#include "engine/evaluate/model_state.hpp"
#include "engine/record/progress_line.hpp"
#include "engine/train/metric_rows.hpp"

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>

namespace tev {
namespace {

double unix_time() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

StepOptions step_options(const RunConfig& config, double mean_weight) {
  StepOptions options;
  options.precision = config.train.precision == "bf16" ? Precision::bf16 : Precision::fp32;
  options.clip_norm = config.optimizer.clip_norm;
  options.seed = static_cast<uint64_t>(config.seed);
  options.mean_weight = mean_weight;
  return options;
}

ScheduleSpan schedule_span(const TrainConfig& config, int64_t batches_per_epoch) {
  const int64_t steps = ceil_div(batches_per_epoch, config.accumulate);
  return {steps, steps * config.epochs};
}

}  // namespace

Trainer::Trainer(TrainerParts parts)
    : parts_(parts), config_(parts.config.train), optimizer_(make_optimizer(parts.config.optimizer, named_parameters(parts.model))),
      batches_per_epoch_(ceil_div(parts.data.num_events(Split::train), config_.batch_size)),
      schedule_(parts.config.schedule, parts.config.optimizer, schedule_span(config_, batches_per_epoch_)),
      step_(parts.model, parts.objective, *optimizer_, schedule_, step_options(parts.config, parts.mean_weight)) {
  state_.cursor = parts.data.start_cursor(config_.batch_size);
  state_.cursor.fingerprint = parts.data.fingerprint(Split::train);
  state_.mean_weight = parts.mean_weight;
  state_.threads = at::get_num_threads();
  state_.fingerprints = parts.data.fingerprints();
  state_.early_stopping.better = config_.monitor == "loss" ? Better::lower : Better::higher;
  state_.early_stopping.patience = config_.early_stopping;
}

void Trainer::restore(const CheckpointData& checkpoint) {
  TrainState state = from_json(checkpoint.state, state_);
  check_compatible(state.cursor, state_.cursor);
  if (state.threads != state_.threads)
    parts_.messages.info(c10::str("train.threads: continues with ", state_.threads, " threads, began with ", state.threads,
                                  ": the result may differ in the last bits"));
  state.threads = state_.threads;
  files_changed_ = state.fingerprints != state_.fingerprints;
  state.fingerprints = state_.fingerprints;  // those that the checkpoint has are the same, or had no part in it
  load_model_state(parts_.model, checkpoint.parts.at("model"));
  optimizer_->load_state(checkpoint.parts.at("optimizer"));
  parts_.metrics.truncate_to(state.metrics_bytes);
  state_ = std::move(state);
}

bool Trainer::finished() const { return state_.cursor.epoch >= config_.epochs || state_.early_stopping.should_stop(); }

TrainOutcome Trainer::run() {
  const auto stream = parts_.data.training_stream(state_.cursor, config_.epochs);
  stream_ = stream.get();
  started_ = last_save_ = now();
  restart_interval_clock();
  last_save_step_ = state_.step;
  if (state_.step == 0 || files_changed_) save(false);
  parts_.model.train();
  show_progress();
  bool stop = parts_.stop.signal() != 0;
  while (!stop && (state_.validation_due || !finished())) {
    if (!state_.validation_due) {
      const auto batches = next_batches(*stream);
      advance(batches, step_(batches, state_.step));
    }
    const auto is_best = state_.validation_due ? validate_or_save() : std::nullopt;
    const bool epoch_ended = state_.cursor.step == 0;
    stop = parts_.stop.signal() != 0;
    if (epoch_ended || stop || checkpoint_due()) save(is_best.value_or(false));
    if (epoch_ended) restart_interval_clock();
  }
  parts_.messages.end_progress("train");
  return state_.validation_due || !finished() ? TrainOutcome::stopped : TrainOutcome::finished;
}

/// The batches of one optimizer step; they never cross the end of an epoch.
std::vector<Batch> Trainer::next_batches(BatchStream& stream) {
  const int64_t count = std::min(config_.accumulate, batches_per_epoch_ - state_.cursor.step);
  std::vector<Batch> batches;
  for (int64_t i = 0; i < count; ++i) {
    auto batch = stream.next();
    TEV_CHECK(batch, "data: the stream ended in epoch ", state_.cursor.epoch, " at batch ", state_.cursor.step + i, " of ",
              batches_per_epoch_, ".");
    batches.push_back(std::move(*batch));
  }
  return batches;
}

void Trainer::advance(const std::vector<Batch>& batches, const StepResult& result) {
  ++state_.step;
  for (const auto& batch : batches) state_.events += batch.size();
  state_.interval_loss += result.loss_sum;
  state_.interval_weight += result.weight;
  state_.cursor.step += static_cast<int64_t>(batches.size());
  const bool epoch_ended = state_.cursor.step == batches_per_epoch_;
  if (state_.step % config_.log_every == 0 || epoch_ended) log_interval();
  show_loss(result);
  show_progress();
  if (epoch_ended) {
    ++state_.cursor.epoch;
    state_.cursor.step = 0;
    const bool validates = state_.cursor.epoch % config_.validate_every == 0 || state_.cursor.epoch == config_.epochs;
    state_.validation_due = validates && parts_.data.has(Split::val);
  }
}

void Trainer::log_interval() {
  nlohmann::ordered_json row{{"kind", "train"}, {"epoch", state_.cursor.epoch + 1}, {"step", state_.step}};
  row["loss"] = state_.interval_weight != 0 ? nlohmann::ordered_json(state_.interval_loss / state_.interval_weight) : nullptr;
  row["lr"] = schedule_.lr(state_.step - 1);
  parts_.metrics.append(row);
  state_.interval_loss = state_.interval_weight = 0;

  const double time = now(), wait = stream_->wait_seconds();
  const double seconds = std::max(time - last_log_, 1e-9);
  parts_.timing.append({{"step", state_.step},
                        {"unix_s", unix_time()},
                        {"events", state_.events - last_log_events_},
                        {"events_per_s", static_cast<double>(state_.events - last_log_events_) / seconds},
                        {"wait_share", (wait - last_log_wait_) / seconds},
                        {"wall_s", time - started_}});
  restart_interval_clock();
}

void Trainer::show_loss(const StepResult& result) {
  const double loss = result.weight != 0 ? result.loss_sum / result.weight : 0;
  parts_.messages.progress_detail(training_detail(loss, stream_->wait_seconds() / std::max(now() - started_, 1e-9)));
}

void Trainer::show_progress() {
  const int64_t per_epoch = parts_.data.num_events(Split::train);
  parts_.messages.progress("train", state_.cursor.epoch * per_epoch + std::min(per_epoch, state_.cursor.step * config_.batch_size),
                           config_.epochs * per_epoch, "events");
}

/// Whether the validation events find the weights better than before; nothing if a signal came first: then it stays due.
std::optional<bool> Trainer::validate() {
  MetricSet metrics(parts_.config.metrics, parts_.data.spec());
  const auto stream = parts_.data.evaluation_stream(Split::val, config_.batch_size);
  if (!evaluate(parts_.model, parts_.objective, *stream, &metrics, nullptr, "validation", parts_.data.num_events(Split::val),
                parts_.messages, [this] { return parts_.stop.signal() != 0; }))
    return std::nullopt;
  const auto values = metrics.values(parts_.data.files_key(Split::val));
  parts_.metrics.append(metrics_row("validation", state_.cursor.epoch, state_.step, values));
  parts_.messages.info(c10::str("epoch ", state_.cursor.epoch, " of ", config_.epochs, ": validation ", metrics_text(values)));
  state_.validation_due = false;
  return state_.early_stopping.update(find_metric(values, config_.monitor).value.value_or(std::nan("")));
}

/// Before the first validation without the fingerprint of its files: no result has come from them, so they may be repaired.
void Trainer::save_before_validation() {
  const auto all = state_.fingerprints;
  if (!state_.early_stopping.has_begun()) state_.fingerprints.erase(split_key(Split::val));
  save(false);
  state_.fingerprints = all;
}

/// Bad validation events cost no training: the epoch is saved, and a start with repaired ones goes on with its validation.
std::optional<bool> Trainer::validate_or_save() {
  try {
    return validate();
  } catch (const InputError&) {
    save_before_validation();
    throw;
  } catch (const NonFiniteEvents& error) {
    throw NonFiniteEvents(c10::str("train: after step ", state_.step, ": ", error.what()), error.sample_ids);
  }
}

bool Trainer::checkpoint_due() const {
  if (config_.checkpoint_every > 0 && state_.step - last_save_step_ >= config_.checkpoint_every) return true;
  return config_.checkpoint_seconds > 0 && now() - last_save_ >= config_.checkpoint_seconds;
}

void Trainer::save(bool is_best) {
  state_.metrics_bytes = parts_.metrics.size();
  parts_.metrics.sync();
  CheckpointData data;
  data.step = state_.step;
  data.parts["model"] = model_state(parts_.model);
  data.parts["optimizer"] = optimizer_->state();
  const auto constants = parts_.data.preprocess()->state();
  data.parts["preprocess"] = NamedTensors(constants.begin(), constants.end());
  const at::Tensor& factors = parts_.data.training_weights().factors();
  if (factors.defined()) data.parts["weights"] = {{"factors", factors}};
  data.state = to_json(state_);
  parts_.checkpoints.save(data, config_.keep_last, is_best);
  last_save_ = now();
  last_save_step_ = state_.step;
}

/// The next interval of timing.jsonl starts here: validation and checkpoints are not part of it.
void Trainer::restart_interval_clock() {
  last_log_ = now();
  last_log_wait_ = stream_->wait_seconds();
  last_log_events_ = state_.events;
}

}  // namespace tev
