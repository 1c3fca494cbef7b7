#pragma once
// One catalog as a source of decoded units: read on the catalog thread, converted and turned into features on workers.

#include "data/catalog/catalog.hpp"
#include "data/data_config.hpp"
#include "data/stream/unit_store.hpp"
#include "data/stream/worker_pool.hpp"
#include "data/transform/convert.hpp"
#include "data/transform/preprocess.hpp"

namespace tev {

/// What is read for each event, in the order of data.objects, then the label, then the weight if there is one.
std::vector<FieldRequest> field_requests(const DataConfig& config);

class EventSource final : public UnitLoader {
 public:
  /// How much of the way to the model decode() goes.
  enum class Stage { features, standardised };

  /// @param observers  raw columns of `event` that batches carry along
  /// @throws InputError  an observer that is not a column of `event`
  EventSource(const DataConfig& config, std::shared_ptr<Catalog> catalog, CatalogThread& thread, WorkerPool& workers,
              std::shared_ptr<const Preprocess> preprocess, Stage stage, std::vector<std::string> observers = {});
  ~EventSource() override;

  int64_t reserve_bytes(int64_t unit) const override;
  void load(int64_t unit, Done done) override;

  const Catalog& catalog() const { return *catalog_; }

  /// Raw columns of a unit, as features see them. Reads in the calling thread's time.
  EventBlock raw_columns(int64_t unit) const;

 private:
  EventBlock convert(int64_t unit, const std::vector<at::Tensor>& values) const;
  DecodedUnit decode(int64_t unit, const std::vector<at::Tensor>& values) const;
  void check_labels(const DecodedUnit& decoded, int64_t unit) const;
  void check_weights(const DecodedUnit& decoded, int64_t unit) const;
  std::string where(int64_t unit, int64_t row) const;

  const DataConfig config_;
  std::shared_ptr<Catalog> catalog_;
  CatalogThread& thread_;
  WorkerPool& workers_;
  std::shared_ptr<const Preprocess> preprocess_;
  const Stage stage_;
  std::vector<std::pair<std::string, int64_t>> observers_;  ///< name, column of `event`
  Converter convert_;
};

}  // namespace tev
