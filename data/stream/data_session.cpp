#include "data/stream/data_session.hpp"

#include "base/cache_directory.hpp"
#include "base/check.hpp"
#include "base/seed.hpp"
#include "data/catalog/expand_files.hpp"
#include "data/readers/plan_cache.hpp"
#include "data/stream/gather.hpp"
#include "data/stream/memory_limit.hpp"
#include "data/stream/reading_memory.hpp"
#include "data/stream/shuffle_advice.hpp"
#include "data/transform/file_classes.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <future>
#include <numeric>
#include <set>
#include <utility>

namespace tev {
namespace {

/// Of the byte budget, what the batches made ahead may take of training and of an evaluation at the same time; the rest is
/// the store's.
constexpr int64_t kQueueDivisor = 16;
constexpr int64_t kQueues = 2;
/// Of the store, what training leaves to evaluation, which runs while the next training windows are held.
constexpr double kEvaluationShare = 0.125;
constexpr int64_t kSummaryBatch = 256;

std::shared_ptr<const std::vector<int64_t>> rows_of_units(const Catalog& catalog) {
  auto rows = std::make_shared<std::vector<int64_t>>();
  for (const auto& unit : catalog.units()) rows->push_back(unit.num_events);
  return rows;
}

/// Says which keys left every event out, and what to do.
/// @param events        the events of which none is left
/// @param has_faults    some could not be read
std::string nothing_left(const DataConfig& config, bool has_faults, bool is_training, const std::string& events) {
  std::vector<std::string> keys, remedies;
  const auto add = [&](const std::string& key, const std::string& value, const char* remedy) {
    keys.push_back(c10::str(key, ": '", value, "'"));
    remedies.push_back(remedy);
  };
  if (!config.select.empty()) add("data.select", config.select, "Correct the expression.");
  if (has_faults) add("data.faults", config.faults, "Copy the files that the warnings name again, or make them again.");
  if (config.label.other == "drop") add("data.label.other", config.label.other, "Let data.label.classes name values that are there.");
  if (is_training && config.weight.negative == "drop") add("data.weight.negative", config.weight.negative, "Correct data.weight or the file.");
  return c10::str(c10::Join(" and ", keys), keys.size() == 1 ? " leaves " : " leave ", events, ". ", c10::Join(" ", remedies));
}

double mebibytes(int64_t bytes) { return std::round(10.0 * static_cast<double>(bytes) / (1 << 20)) / 10; }

}  // namespace

const char* split_key(Split split) {
  return split == Split::train ? "data.train" : split == Split::val ? "data.val" : "data.test";
}

double TrainingSummary::mean_weight() const {
  const int64_t labels = std::accumulate(class_labels.begin(), class_labels.end(), int64_t{0});
  return std::accumulate(class_weight.begin(), class_weight.end(), 0.0) / static_cast<double>(labels);
}

DataSession::DataSession(const DataConfig& config, uint64_t seed, Messages& messages, const std::vector<std::string>& columns,
                         const MemoryUse& memory)
    : config_(config), observers_(observers(config, columns)), seed_(seed), messages_(messages), memory_(memory), faults_(messages),
      workers_(config.workers),
      preprocess_(std::make_shared<Preprocess>(raw_objects(config.objects), config.features, config.raw_features)),
      store_(loading_budget_bytes(config.budget_mib) / kQueueDivisor * (kQueueDivisor - kQueues)) {
  spec_ = data_spec(*preprocess_, config.label);
  TEV_CHECK_INPUT(config.label.object.empty() || config.weight.reweight.variables.empty(), "data.weight.reweight: given with data.label.object '",
                  config.label.object, "' (it changes distributions of events, which have no class then). Leave it out; data.weight.balance weighs the classes of rows.");
  weights_ = std::make_shared<TrainingWeights>(config.weight, preprocess_->objects(), spec_.classes);
  open_parts();
  warn_of_library_reads();
  set_aside_reading();
  store_.set_aside(memory_.left_to_others);
  if (has(Split::train)) {
    const auto& train = part(Split::train);
    shuffle_ = plan_shuffle(*train.unit_rows, choose_shuffle_rows(config.shuffle_rows, *train.unit_rows, train.catalog->event_bytes()));
  }
}

DataSession::~DataSession() = default;

/// Once, whatever the number of sets.
void DataSession::warn_of_library_reads() const {
  if (memory_.is_repacking) return;
  for (const auto& [split, part] : parts_) {
    const std::string& slow = part.catalog->library_reads();
    if (slow.empty()) continue;
    messages_.warning(c10::str(files_key(split), ": ", slow, " can be read by the HDF5 library alone: on one thread, whatever data.workers says. ",
                               "Write the files anew once: tevatrain repack FILE... FOLDER."));
    return;
  }
}

void DataSession::set_aside_reading() {
  std::vector<const Catalog*> catalogs;
  for (const auto& [split, part] : parts_) catalogs.push_back(part.catalog.get());
  set_reading_aside(store_, catalogs, config_.workers, memory_.budget_key,
                    c10::str("Raise ", memory_.budget_key, memory_.is_repacking ? ", or" : ",", " lower ", memory_.workers_key,
                             memory_.is_repacking ? "." : ", or write the files anew: tevatrain repack FILE... FOLDER."));
}

void DataSession::open_parts() {
  if (config_.files.empty()) {
    if (!config_.train.empty()) parts_[Split::train] = open_part(config_.train, "data.train");
    if (!config_.val.empty()) parts_[Split::val] = open_part(config_.val, "data.val");
    if (!config_.test.empty()) parts_[Split::test] = open_part(config_.test, "data.test");
    check_training_files_apart();
    return;
  }
  TEV_CHECK_INPUT(config_.train.empty() && config_.val.empty() && config_.test.empty(),
                  "data.files: given together with data.train, data.val or data.test (two ways to say the same). Keep one of them.");
  const Part whole = open_part(config_.files, "data.files");
  split_ = std::make_shared<const SplitView>(seed_, SplitShares{config_.split.train, config_.split.val, config_.split.test},
                                             *whole.unit_rows);
  for (const Split split : {Split::train, Split::val, Split::test})
    if (split_->num_rows(split) > 0) parts_[split] = {whole.catalog, split_->unit_rows(split), whole.file_classes};
}

void DataSession::check_training_files_apart() const {
  if (!has(Split::train)) return;
  const auto canonical = [](const std::string& path) { return std::filesystem::canonical(path).string(); };
  std::set<std::string> training;
  for (const auto& path : part(Split::train).catalog->all_paths()) training.insert(canonical(path));
  for (const Split split : {Split::val, Split::test}) {
    if (!has(split)) continue;
    for (const auto& path : part(split).catalog->all_paths())
      TEV_CHECK_INPUT(!training.count(canonical(path)), split_key(split), ": ", path,
                      " is a training file too (files of data.train cannot show what the model makes of other events). Name other ",
                      "files, or give data.files with data.split to cut one set.");
  }
}

DataSession::Part DataSession::open_part(const std::vector<std::string>& patterns, const std::string& key) {
  Part part;
  auto requests = field_requests(config_);
  for (const auto& observer : observers_) requests.push_back(observer.request);
  const PlanCache cache(cache_directory() / "index");
  const bool has_file_classes = !config_.label.files.empty();  // by the names that are listed
  const CatalogOptions options{&cache, config_.faults == "skip", !has_file_classes, [&](int64_t done, int64_t total) {
    if (total > 1) messages_.progress("opening " + key, done, total, "files");
  }};
  part.catalog = Catalog::open(config_.reader, expand_files(patterns, key), std::move(requests), catalog_thread_, options);
  for (const auto& reason : part.catalog->left_out()) messages_.warning(key + ": a file is left out: " + reason);
  part.unit_rows = rows_of_units(*part.catalog);
  part.file_classes = file_classes(config_.label, part.catalog->file_paths());
  return part;
}

bool DataSession::has(Split split) const { return parts_.count(split) > 0; }

const DataSession::Part& DataSession::part(Split split) const {
  const auto found = parts_.find(split);
  TEV_CHECK_INPUT(found != parts_.end(), split_key(split), ": no files are given for it. Set ", split_key(split),
                  ", or data.files with data.split.");
  return found->second;
}

std::string DataSession::files_key(Split split) const {
  const std::string key = split_key(split);
  return split_ ? "data.files (" + key.substr(key.find('.') + 1) + ")" : key;
}

int64_t DataSession::num_events(Split split) const {
  const auto& rows = *part(split).unit_rows;
  return std::accumulate(rows.begin(), rows.end(), int64_t{0});
}

uint64_t DataSession::fingerprint(Split split) const { return part(split).fingerprint(config_.workers); }

uint64_t DataSession::Part::fingerprint(int64_t threads) const {
  uint64_t hash = catalog->fingerprint(threads);
  for (const int64_t index : file_classes) hash = seed_key(hash, index);
  return hash;
}

std::map<std::string, uint64_t> DataSession::fingerprints() const {
  std::map<std::string, uint64_t> result;
  for (const auto& [split, part] : parts_) result[split_ ? "data.files" : split_key(split)] = part.fingerprint(config_.workers);
  return result;
}

EventSource& DataSession::source(Split split, EventSource::Stage stage, Purpose purpose) {
  auto& source = sources_[{split, stage, purpose}];
  if (!source)
    source = std::make_unique<EventSource>(config_, part(split).catalog, workers_, preprocess_,
                                           purpose == Purpose::training ? weights_ : nullptr, stage, times_, faults_, observers_);
  return *source;
}

StreamSpec DataSession::pass_spec(Split split, int64_t batch_size) const {
  StreamSpec spec;
  const auto& unit_rows = part(split).unit_rows;
  spec.order = OrderSpec{seed_, unit_rows, 1, pass_window_rows(*unit_rows), batch_size};
  spec.split = split_;
  spec.use = split;
  spec.shuffled = false;
  spec.prefetch = config_.prefetch;
  spec.pinned = pins_batches_;
  spec.queue_bytes = loading_budget_bytes(config_.budget_mib) / kQueueDivisor;
  spec.budget_advice = [this, split](const PinQuota& quota) {
    return c10::str(memory_.budget_key, ": the events of a few chunks of ", files_key(split), " do not fit into ", room_for(quota), ". Raise it",
                    memory_.is_repacking ? "." : ", or write the files anew, with smaller chunks: tevatrain repack FILE... FOLDER.");
  };
  return spec;
}

/// What a stream may fill, in words.
std::string DataSession::room_for(const PinQuota& quota) const {
  return c10::str(mebibytes(static_cast<int64_t>(static_cast<double>(store_.budget_bytes()) * quota.share)), " MiB (of ",
                  loading_budget_bytes(config_.budget_mib) >> 20, " MiB; the rest is for other parts of loading)");
}

/// What to do when a shuffle window does not fit.
std::string DataSession::shuffle_advice(const PinQuota& quota) const {
  const auto is_training = [](const auto& source) { return std::get<Split>(source.first) == Split::train && std::get<Purpose>(source.first) == Purpose::training; };
  const EventSource& events = *std::find_if(sources_.begin(), sources_.end(), is_training)->second;
  const int64_t asked = shuffle_.round_rows();
  const auto [fits, event_bytes] =
      rows_that_fit(*part(Split::train).unit_rows, quota, static_cast<double>(store_.budget_bytes()) * quota.share, events, asked);
  return c10::str(memory_.budget_key, ": a shuffle window of ", asked, " events", event_bytes > 0 ? c10::str(" of about ", event_bytes, " bytes") : "",
                  " does not fit into ", room_for(quota), ". Raise ", memory_.budget_key, fits > 0 ? c10::str(", or set ", memory_.shuffle_rows_key, fits) : "",
                  memory_.is_repacking ? "."
                                       : ", or write the files anew, shuffled and without padding: tevatrain repack FILE... FOLDER --config CONFIG.");
}

std::optional<TrainingSummary> DataSession::summarise(const std::function<bool()>& stop) {
  EventSource& events = source(Split::train, EventSource::Stage::features, Purpose::training);
  BatchStream stream(store_, events, pass_spec(Split::train, kSummaryBatch));
  StandardiseFit fit(config_.standardise, spec_.objects);
  WeightFit weights(*weights_, spec_.classes.size());
  TrainingSummary summary;
  summary.class_labels.assign(spec_.classes.size(), 0);
  const int64_t total = num_events(Split::train);
  messages_.progress("standardisation: reading the training split", 0, total, "events");
  for (int64_t done = 0; auto batch = stream.next();) {
    if (stop && stop()) return std::nullopt;
    fit.add(batch->inputs, batch->sample_id);
    const auto* label = batch->label.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < batch->label.numel(); ++i) ++summary.class_labels[label[i]];
    summary.num_events += batch->size();
    const auto bins = batch->observers.find(kWeightBins);
    weights.add(batch->label, batch->weight, bins == batch->observers.end() ? at::Tensor() : bins->second);
    done = std::min(total, done + kSummaryBatch);
    messages_.progress("standardisation: reading the training split", done, total, "events");
  }
  const std::string labelled = spec_.label_object.empty() ? "event" : "row of '" + spec_.label_object + "'";
  TEV_CHECK_INPUT(summary.num_events > 0, nothing_left(config_, faults_.any(), true, c10::str("none of the ", total, " training events")));
  summary.weights = weights.result();
  for (size_t i = 0; i < spec_.classes.size(); ++i) {
    const double sum = summary.weights.class_sum(i) + summary.weights.outside_sum[i];
    TEV_CHECK_INPUT(summary.class_labels[i] > 0, "data.label: class '", spec_.classes[i], "' has no training ", labelled, " among ", summary.num_events,
                    " events (every class needs some). Correct data.label or data.select.");
    TEV_CHECK_INPUT(sum > 0, "data.weight: the weights of class '", spec_.classes[i], "' add up to ",
                    sum, " over ", summary.class_labels[i], " training ", spec_.label_object.empty() ? "events" : "rows",
                    " (expected a positive sum). Correct data.weight or the file.");
  }
  summary.class_weight = fit_weights(summary.weights).class_weight;
  summary.standardisation = fit.result();
  return summary;
}

void DataSession::standardise(const Standardisation& standardisation) {
  for (const auto& object : spec_.objects)
    preprocess_->set_standardisation(object.name, standardisation.mean(object.name), standardisation.scale(object.name));
}

Columns DataSession::raw_sample(Split split, int64_t num_events) {
  const EventSource& events = source(split, EventSource::Stage::standardised, Purpose::evaluation);
  const size_t num_units = part(split).unit_rows->size();
  std::vector<Columns> pieces;
  int64_t found = 0;
  for (size_t unit = 0; unit < num_units && found < num_events; ++unit) {
    EventBlock block = events.raw_columns(static_cast<int64_t>(unit));
    const Column& column = block.raw.begin()->second;
    const int64_t size = column.ragged() ? column.offsets.numel() - 1 : column.values.size(0);
    if (size > 0) pieces.push_back(std::move(block.raw));
    found += size;
  }
  TEV_CHECK_INPUT(found > 0, nothing_left(config_, faults_.any(), false, c10::str("no event of ", split_key(split))));
  return join_columns(pieces);
}

Cursor DataSession::start_cursor(int64_t batch_size) const {
  Cursor cursor;
  cursor.seed = seed_;
  cursor.lanes = shuffle_.lanes;
  cursor.window_rows = shuffle_.window_rows;
  cursor.batch_size = batch_size;
  return cursor;
}

std::unique_ptr<BatchStream> DataSession::training_stream(const Cursor& from, int64_t end_epoch, ShardSpec shard,
                                                          EventSource::Stage stage) {
  StreamSpec spec;
  spec.order = OrderSpec{seed_, part(Split::train).unit_rows, from.lanes, from.window_rows, from.batch_size};
  spec.split = split_;
  spec.use = Split::train;
  spec.shard = shard;
  spec.first_epoch = from.epoch;
  spec.first_step = from.step;
  spec.end_epoch = end_epoch;
  spec.prefetch = config_.prefetch;
  spec.pinned = pins_batches_;
  spec.queue_bytes = loading_budget_bytes(config_.budget_mib) / kQueueDivisor;
  spec.budget_share = memory_.is_repacking ? 1 : 1 - kEvaluationShare;
  spec.budget_advice = [this](const PinQuota& quota) { return shuffle_advice(quota); };
  return std::make_unique<BatchStream>(store_, source(Split::train, stage, Purpose::training), std::move(spec));
}

void DataSession::read_training_units(const Cursor& from) {
  const auto& unit_rows = part(Split::train).unit_rows;
  const EpochOrder order(OrderSpec{seed_, unit_rows, from.lanes, from.window_rows, from.batch_size}, from.epoch);
  std::vector<int64_t> units;
  std::vector<char> is_there(unit_rows->size());
  for (int64_t window = 0; window < order.num_windows(); ++window)
    for (const int64_t unit : order.window_units(window, 0, 1))
      if (std::exchange(is_there[static_cast<size_t>(unit)], 1) == 0) units.push_back(unit);

  const EventSource& events = source(Split::train, EventSource::Stage::raw, Purpose::training);
  std::atomic<size_t> next = 0;
  std::vector<std::promise<void>> ends(static_cast<size_t>(config_.workers));
  for (auto& end : ends)
    workers_.submit([&] {
      try {
        for (size_t i = next++; i < units.size(); i = next++) {
          if (const size_t ahead = i + ends.size() - 1 + WorkerLoader::kUnitsAhead; ahead < units.size()) events.expect(units[ahead]);
          events.read_and_drop(units[i]);
        }
        end.set_value();
      } catch (...) {
        next = units.size();
        end.set_exception(std::current_exception());
      }
    });
  std::vector<std::future<void>> results;
  for (auto& end : ends) results.push_back(end.get_future());
  for (auto& result : results) result.wait();  // all, before what they use is gone
  for (auto& result : results) result.get();
}

std::unique_ptr<BatchStream> DataSession::evaluation_stream(Split split, int64_t batch_size, EventSource::Stage stage, int64_t first_step) {
  StreamSpec spec = pass_spec(split, batch_size);
  spec.budget_share = memory_.is_repacking ? 1 : kEvaluationShare;
  spec.first_step = first_step;
  return std::make_unique<BatchStream>(store_, source(split, stage, Purpose::evaluation), std::move(spec));
}

/// The budget of which evaluation may fill so much.
int64_t DataSession::enough_mib(int64_t evaluation_bytes) const {
  const int64_t others = loading_budget_bytes(config_.budget_mib) / kQueueDivisor * (kQueueDivisor - kQueues) - store_.budget_bytes();  // reading
  const double store = static_cast<double>(evaluation_bytes) / kEvaluationShare + static_cast<double>(others);
  return static_cast<int64_t>(std::ceil(store * kQueueDivisor / (kQueueDivisor - kQueues) / (1 << 20))) + 1;
}

void DataSession::check_evaluation_fits() {
  const auto limit = static_cast<int64_t>(static_cast<double>(store_.budget_bytes()) * kEvaluationShare);
  int64_t most = 0;
  Split largest = Split::val;
  for (const Split split : {Split::val, Split::test}) {
    if (!has(split)) continue;
    const EventSource& events = source(split, EventSource::Stage::standardised, Purpose::evaluation);
    const OrderSpec order = pass_spec(split, 1).order;
    const auto windows = EpochOrder::sequential(order.unit_rows, order.batch_size, order.window_rows, order.lanes);
    for (int64_t window = 0; window < windows.num_windows(); ++window) {
      int64_t held = 0;
      for (const int64_t unit : windows.window_units(window, 0, 1)) {
        if (const int64_t needed = held + events.reserve_bytes(unit); needed > most) {
          most = needed;
          largest = split;
        }
        held += events.held_bytes(unit);
      }
    }
  }
  TEV_CHECK_INPUT(most <= limit, "data.budget_mib: the events of a few chunks of ", files_key(largest), " need ", mebibytes(most),
                  " MiB while they are evaluated, and ", mebibytes(limit), " of ", loading_budget_bytes(config_.budget_mib) >> 20,
                  " MiB are left to that. Set data.budget_mib=", enough_mib(most), ", or write the files anew, with smaller chunks: ",
                  "tevatrain repack FILE... FOLDER.");
}

}  // namespace tev
