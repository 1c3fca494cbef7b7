#pragma once
// The training loop.

#include "data/stream/data_session.hpp"
#include "engine/checkpoint/checkpoint.hpp"
#include "engine/config/run_config.hpp"
#include "engine/record/jsonl.hpp"
#include "engine/train/stop_request.hpp"
#include "engine/train/train_state.hpp"
#include "engine/train/training_step.hpp"

namespace tev {

enum class TrainOutcome { finished, stopped };

/// What a trainer is given; all of it outlives the trainer.
struct TrainerParts {
  const RunConfig& config;
  double mean_weight;  ///< of the training events; a checkpoint holds it too
  DataSession& data;
  Model& model;
  const Objective& objective;
  CheckpointStore& checkpoints;
  JsonlWriter& metrics;
  JsonlWriter& timing;
  StopRequest& stop;
  Messages& messages;
};

/// Runs epochs of steps with validation, early stopping and checkpoints. Continuing from any checkpoint gives the same
/// weights and the same metrics.jsonl, bit for bit, as never having stopped.
class Trainer {
 public:
  explicit Trainer(TrainerParts parts);

  /// Continues from a checkpoint.
  void restore(const CheckpointData& checkpoint);
  const TrainState& state() const { return state_; }
  /// @return  stopped when a signal asked for it; the checkpoint is then on the disk
  TrainOutcome run();

 private:
  bool finished() const;
  std::vector<Batch> next_batches(BatchStream& stream);
  void advance(const std::vector<Batch>& batches, const StepResult& result);
  std::optional<bool> validate();
  std::optional<bool> validate_or_save();
  void save(bool is_best);
  void save_before_validation();
  bool checkpoint_due() const;
  void log_interval();
  void restart_interval_clock();
  void show_loss(const StepResult& result);
  void show_progress();

  TrainerParts parts_;
  const TrainConfig& config_;
  std::unique_ptr<Optimizer> optimizer_;
  int64_t batches_per_epoch_;
  Schedule schedule_;
  TrainingStep step_;
  TrainState state_;
  bool files_changed_ = false;  ///< since the checkpoint that was restored

  // Times of this process; nothing that is a result depends on them.
  BatchStream* stream_ = nullptr;
  double started_ = 0, last_save_ = 0, last_log_ = 0, last_log_wait_ = 0;
  int64_t last_log_events_ = 0, last_save_step_ = 0;
};

}  // namespace tev
