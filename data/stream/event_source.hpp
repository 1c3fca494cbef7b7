#pragma once
// One catalog as a source of decoded units: read, converted and turned into features on workers.

#include "data/catalog/catalog.hpp"
#include "data/data_config.hpp"
#include "data/decode/row_reader.hpp"
#include "data/stream/faults.hpp"
#include "data/stream/observers.hpp"
#include "data/stream/stage_times.hpp"
#include "data/stream/worker_loader.hpp"
#include "data/transform/class_labels.hpp"
#include "data/transform/convert.hpp"
#include "data/transform/preprocess.hpp"
#include "data/transform/training_weights.hpp"

namespace tev {

/// What is read for each event, in the order of data.objects, then the label unless the files say it, then the weight if there is one.
std::vector<FieldRequest> field_requests(const DataConfig& config);

/// The column of a batch that the fit of training weights needs: TrainingWeights::bins.
inline constexpr const char* kWeightBins = "weight bins";

class EventSource final : public WorkerLoader {
 public:
  /// How much of the way to the model a unit goes; `raw` is for measuring.
  enum class Stage { raw, features, standardised };

  /// @param catalog    reads field_requests(config), then those of the observers
  /// @param weights    of training; null: base weights, as evaluation has them
  /// @param observers  columns that batches carry along
  /// @param times      where the time goes is added up
  /// @param faults     is told of units that cannot be read, if data.faults says to go on
  EventSource(const DataConfig& config, std::shared_ptr<Catalog> catalog, WorkerPool& workers,
              std::shared_ptr<const Preprocess> preprocess, std::shared_ptr<const TrainingWeights> weights, Stage stage, StageTimes& times,
              Faults& faults, std::vector<Observer> observers = {});
  ~EventSource() override;

  int64_t reserve_bytes(int64_t unit) const override;
  /// Estimate from above of what a loaded unit takes, observers aside.
  int64_t held_bytes(int64_t unit) const;

  /// Brings the values of a unit into memory and drops them, in the calling thread: what reading and decoding alone take.
  void read_and_drop(int64_t unit) const;

  void expect(int64_t unit) const override { catalog_->expect(unit); }

  /// Raw columns of the selected events of a unit, as features see them. Reads in the calling thread.
  EventBlock raw_columns(int64_t unit) const;

 private:
  /// The values of a unit; nothing if it cannot be read and is to be left out.
  std::optional<std::vector<FieldValues>> read(int64_t unit) const;
  /// A unit all of whose events are left out.
  DecodedUnit left_out(int64_t unit) const;
  /// Label and weight of all events of a unit, before any are left out.
  struct Roles {
    at::Tensor label;   ///< [n] int64, or one a row of the labelled object; negative: of no class
    at::Tensor weight;  ///< [n] float32
    at::Tensor keep;    ///< [n] bool: those that label and weight leave; undefined: all
  };
  Roles roles(int64_t unit, const std::vector<FieldValues>& values) const;
  EventBlock convert(int64_t unit, const std::vector<FieldValues>& values, const at::Tensor& keep) const;
  DecodedUnit load_here(int64_t unit) const override;
  DecodedUnit decode(int64_t unit, const std::vector<FieldValues>& values, const Roles& roles, const EventBlock& block) const;
  void add_training_weights(DecodedUnit& decoded, const EventBlock& block, const EventName& where) const;
  at::Tensor row_labels(int64_t unit, const std::vector<FieldValues>& values) const;
  void check_labels(int64_t unit, const DecodedUnit& decoded, const std::vector<FieldValues>& values, const EventBlock& block, const EventName& where) const;
  double features_a_value() const;
  void count_reading(int64_t unit, const decode::ReadCost& before, int64_t passed_ns) const;
  void check_weights(const at::Tensor& weight, const EventName& where) const;
  /// Names the selected events of a block.
  EventName event_names(int64_t unit, const EventBlock& block) const;

  const DataConfig config_;
  std::shared_ptr<Catalog> catalog_;
  std::shared_ptr<const Preprocess> preprocess_;
  std::shared_ptr<const TrainingWeights> weights_;
  const ClassLabels labels_;
  const std::vector<int64_t> file_classes_;
  const Stage stage_;
  StageTimes& times_;
  Faults& faults_;
  std::vector<Observer> observers_;
  Converter convert_;
};

}  // namespace tev
