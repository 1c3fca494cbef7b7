#pragma once
// One catalog as a source of decoded units: read, converted and turned into features on workers.

#include "data/catalog/catalog.hpp"
#include "data/data_config.hpp"
#include "data/stream/faults.hpp"
#include "data/stream/observers.hpp"
#include "data/stream/stage_times.hpp"
#include "data/stream/unit_store.hpp"
#include "data/stream/worker_pool.hpp"
#include "data/transform/convert.hpp"
#include "data/transform/preprocess.hpp"

namespace tev {

/// What is read for each event, in the order of data.objects, then the label, then the weight if there is one.
std::vector<FieldRequest> field_requests(const DataConfig& config);

class EventSource final : public UnitLoader {
 public:
  /// How much of the way to the model a unit goes; `read` and `raw` are for measuring.
  enum class Stage { read, raw, features, standardised };

  /// @param catalog    reads field_requests(config), then those of the observers
  /// @param observers  columns that batches carry along
  /// @param times      where the time goes is added up
  /// @param faults     is told of units that cannot be read, if data.faults says to go on
  EventSource(const DataConfig& config, std::shared_ptr<Catalog> catalog, WorkerPool& workers,
              std::shared_ptr<const Preprocess> preprocess, Stage stage, StageTimes& times, Faults& faults, std::vector<Observer> observers = {});
  ~EventSource() override;

  int64_t reserve_bytes(int64_t unit) const override;
  void load(int64_t unit, Done done) override;

  /// Raw columns of the selected events of a unit, as features see them. Reads in the calling thread.
  EventBlock raw_columns(int64_t unit) const;

 private:
  /// The values of a unit; nothing if it cannot be read and is to be left out.
  std::optional<std::vector<FieldValues>> read(int64_t unit) const;
  /// A unit all of whose events are left out.
  DecodedUnit left_out(int64_t unit) const;
  EventBlock convert(int64_t unit, const std::vector<FieldValues>& values) const;
  DecodedUnit read_and_decode(int64_t unit) const;
  DecodedUnit decode(int64_t unit, const std::vector<FieldValues>& values, const EventBlock& block) const;
  void check_labels(const at::Tensor& label, const EventName& where) const;
  void check_weights(const at::Tensor& weight, const EventName& where) const;
  /// Names the selected events of a block.
  EventName event_names(int64_t unit, const EventBlock& block) const;

  const DataConfig config_;
  std::shared_ptr<Catalog> catalog_;
  WorkerPool& workers_;
  std::shared_ptr<const Preprocess> preprocess_;
  const Stage stage_;
  StageTimes& times_;
  Faults& faults_;
  std::vector<Observer> observers_;
  Converter convert_;
};

}  // namespace tev
