#pragma once
// The data of a run, opened: catalogs, features, standardisation, and the streams that training and evaluation read.

#include "base/messages.hpp"
#include "data/order/cursor.hpp"
#include "data/order/shuffle_plan.hpp"
#include "data/stream/batch_stream.hpp"
#include "data/stream/event_source.hpp"
#include "data/transform/standardise.hpp"
#include "data/transform/weight_fit.hpp"

#include <optional>
#include <tuple>

namespace tev {

/// What one pass over the training split tells.
struct TrainingSummary {
  Standardisation standardisation;
  int64_t num_events = 0;             ///< the selected ones
  std::vector<int64_t> class_labels;  ///< their labels of each class: one an event, or one a row of the labelled object
  std::vector<double> class_weight;   ///< sum of their training weights
  WeightTable weights;                ///< their base weights
  /// Of the labels; positive.
  double mean_weight() const;
};

/// The configuration key that names the files of a split when they are not cut from data.files.
const char* split_key(Split split);

/// What a session may hold, and how its messages name what people can change about it.
struct MemoryUse {
  std::string budget_key = "data.budget_mib", workers_key = "data.workers", shuffle_rows_key = "data.shuffle_rows=";
  int64_t left_to_others = 0;  ///< bytes of the budget
  bool is_repacking = false;   ///< one stream at a time, which may fill all that is left; writing the files anew is no advice
};

class DataSession {
 public:
  /// Opens every file that the configuration names; reads metadata only.
  /// @param columns  what batches carry along besides (data/stream/observers.hpp)
  /// @throws InputError  missing or unreadable files, fields, features
  DataSession(const DataConfig& config, uint64_t seed, Messages& messages, const std::vector<std::string>& columns = {}, const MemoryUse& memory = {});
  ~DataSession();

  const DataSpec& spec() const { return spec_; }
  const std::shared_ptr<Preprocess>& preprocess() const { return preprocess_; }
  bool has(Split split) const;
  int64_t num_events(Split split) const;
  /// Of the files of a split, as of their catalog.
  int64_t stored_bytes(Split split) const { return part(split).catalog->stored_bytes(); }
  int64_t most_event_bytes(Split split) const { return part(split).catalog->most_event_bytes(); }
  /// What names the files of a split, for messages: "data.val", or "data.files (val)".
  std::string files_key(Split split) const;
  /// Of the names, shapes and sampled content of all files, and of their classes where data.label.files says them.
  uint64_t fingerprint(Split split) const;
  /// The same for every set of files, by its configuration key.
  std::map<std::string, uint64_t> fingerprints() const;
  /// Lanes and windows of the training order.
  const ShuffleSpec& shuffle() const { return shuffle_; }

  /// One pass over the training split: standardisation constants, class sums and the histogram of data.weight.reweight.
  /// @param stop  asked before every batch; true ends the pass
  /// @return      nothing if it was stopped
  /// @throws InputError  an empty selection, a class without events or with a total weight that is not positive
  std::optional<TrainingSummary> summarise(const std::function<bool()>& stop = {});
  /// Sets the constants that all later streams use.
  void standardise(const Standardisation& standardisation);
  /// The factors of a summary; their class_weight is the summary's.
  WeightFactors fit_weights(const WeightTable& table) const { return weight_factors(*weights_, spec_.classes, table); }
  /// Factors of training streams that begin from now on.
  TrainingWeights& training_weights() { return *weights_; }
  const TrainingWeights& training_weights() const { return *weights_; }

  /// Batches of streams that begin from now on lie in pinned memory. Only where CUDA is there.
  void pin_batches() { pins_batches_ = true; }
  /// Training batches, with training weights, from an epoch and step on, up to `end_epoch`.
  std::unique_ptr<BatchStream> training_stream(const Cursor& from, int64_t end_epoch, ShardSpec shard = {},
                                               EventSource::Stage stage = EventSource::Stage::standardised);
  /// Reads every unit of the training split once, in about the order of an epoch, each worker the next one, and keeps nothing: what
  /// reading and decoding alone take.
  /// @throws what reading or decoding threw
  void read_training_units(const Cursor& from);
  /// One pass with base weights, unit by unit, in the order of the files; with data.files the rows of a unit come in the order of the split.
  std::unique_ptr<BatchStream> evaluation_stream(Split split, int64_t batch_size, EventSource::Stage stage = EventSource::Stage::standardised,
                                                 int64_t first_step = 0);
  /// Before a training that ends with it: whether every unit of the held-back events fits into what evaluation may fill.
  /// @throws InputError  one does not
  void check_evaluation_fits();
  /// Raw columns of the first units with so many selected events, or of all: what an exported model takes.
  Columns raw_sample(Split split, int64_t num_events);
  /// Where all HDF5 calls of this session are made, those of writers too.
  CatalogThread& catalog_thread() { return catalog_thread_; }
  /// Where the time of all streams so far went.
  const StageTimes& stage_times() const { return times_; }
  std::vector<std::string> file_paths(Split split) const { return part(split).catalog->file_paths(); }
  /// The cursor of the start of a run, without the fingerprint, which takes reading a little of every file.
  Cursor start_cursor(int64_t batch_size) const;

 private:
  struct Part {
    std::shared_ptr<Catalog> catalog;
    std::shared_ptr<const std::vector<int64_t>> unit_rows;  ///< of this split
    uint64_t fingerprint(int64_t threads) const;
    std::vector<int64_t> file_classes{};  ///< empty: a field says the class
  };
  void open_parts();
  void set_aside_reading();
  void warn_of_library_reads() const;
  void check_training_files_apart() const;
  Part open_part(const std::vector<std::string>& patterns, const std::string& key);
  const Part& part(Split split) const;
  /// What the events of a stream are for: it decides what they weigh.
  enum class Purpose { training, evaluation };
  EventSource& source(Split split, EventSource::Stage stage, Purpose purpose);
  StreamSpec pass_spec(Split split, int64_t batch_size) const;
  std::string room_for(const PinQuota& quota) const;
  std::string shuffle_advice(const PinQuota& quota) const;
  int64_t enough_mib(int64_t evaluation_bytes) const;

  const DataConfig config_;
  const std::vector<Observer> observers_;
  const uint64_t seed_;
  Messages& messages_;
  const MemoryUse memory_;
  CatalogThread catalog_thread_;
  StageTimes times_;
  Faults faults_;
  WorkerPool workers_;
  DataSpec spec_;
  std::shared_ptr<Preprocess> preprocess_;
  std::shared_ptr<TrainingWeights> weights_;
  std::map<Split, Part> parts_;
  std::shared_ptr<const SplitView> split_;  ///< null: each split has its own files
  ShuffleSpec shuffle_;
  bool pins_batches_ = false;
  std::map<std::tuple<Split, EventSource::Stage, Purpose>, std::unique_ptr<EventSource>> sources_;
  UnitStore store_;  // last: it waits for loads that use everything above
};

}  // namespace tev
