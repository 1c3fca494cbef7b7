#include "data/stream/event_source.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/order/shuffle_plan.hpp"
#include "data/transform/file_classes.hpp"
#include "data/transform/finite.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/repeat_interleave.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace tev {
namespace {

using Clock = std::chrono::steady_clock;

/// Of a row, int64 and float32.
constexpr double kLabelBytes = 8 + 4;

/// The value of an event that a label or a weight is.
template <class Config>
FieldRequest value_request(const std::string& key, const Config& config, FieldRequest::As as) {
  FieldRequest request;
  request.key = key;
  request.field = config.field;
  request.as = as;
  request.one_row = true;
  if (!config.column.empty()) {
    request.members = {config.column};
  } else {
    request.first = config.index;
    request.last = config.index + 1;
  }
  return request;
}

/// Which rows belong to an event, where the object is flat.
void set_rows(FieldRequest& request, const ObjectConfig& object) {
  for (const auto& [kind, dataset] : {std::pair{RowsKind::offsets, &object.offsets}, std::pair{RowsKind::counts, &object.counts},
                                      std::pair{RowsKind::extents, &object.extents}}) {
    if (dataset->empty()) continue;
    const std::string other = request.rows;
    request.rows_kind = kind;
    TEV_CHECK_INPUT(other.empty(), request.rows_key(), ": '", *dataset, "' given besides '", other,
                    "' (one of offsets, counts and extents says which rows belong to an event). Keep one of them.");
    request.rows = *dataset;
  }
}

const ObjectConfig& label_object(const DataConfig& config) {
  std::vector<std::string> known;
  for (const auto& [name, object] : config.objects) {
    if (name == config.label.object) return object;
    known.push_back(name);
  }
  throw InputError(c10::str("data.label.object: no object '", config.label.object, "' (objects: ", join_names(known), ").",
                            suggest_name(config.label.object, known)));
}

FieldRequest label_request(const DataConfig& data) {
  LabelConfig config = data.label;
  const ClassLabels labels(config);
  if (!config.object.empty() && config.field.empty()) config.field = label_object(data).field;
  FieldRequest request = value_request("data.label.field", config, labels.kind() == ClassLabels::Kind::text ? FieldRequest::As::text : FieldRequest::As::int64);
  if (!config.object.empty()) {
    request.one_row = false;
    set_rows(request, label_object(data));
  }
  if (labels.kind() != ClassLabels::Kind::columns) return request;
  request.members = labels.column_names();
  if (request.members.empty() && !config.column.empty()) request.members = {config.column};
  request.first = labels.column_names().empty() ? config.index : 0;
  request.last = request.first + labels.num_columns();
  return request;
}

/// Place of each of n events among the chosen ones, -1 for the others.
at::Tensor positions(const at::Tensor& chosen, int64_t n) {
  const at::Tensor position = at::full({n}, -1, at::kLong);
  auto* place = position.mutable_data_ptr<int64_t>();
  const auto* event = chosen.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < chosen.numel(); ++i) place[event[i]] = i;
  return position;
}

}  // namespace

std::vector<FieldRequest> field_requests(const DataConfig& config) {
  std::vector<FieldRequest> requests;
  for (const auto& [name, object] : config.objects) {
    FieldRequest request;
    request.key = "data.objects." + name + ".field";
    request.field = object.field;
    request.members = object.columns;
    request.one_row = name == "event";
    set_rows(request, object);
    if (!object.take.empty()) {
      TEV_CHECK_INPUT(object.take.size() == 2 && object.take[0] >= 0 && object.take[0] < object.take[1], "data.objects.", name,
                      ".take: [", c10::Join(", ", object.take), "] is not a range (expected [first, last) with first < last).");
      request.first = object.take[0];
      request.last = object.take[1];
    }
    requests.push_back(std::move(request));
  }
  if (config.label.files.empty()) requests.push_back(label_request(config));
  if (!config.weight.field.empty()) requests.push_back(value_request("data.weight.field", config.weight, FieldRequest::As::float32));
  return requests;
}

EventSource::EventSource(const DataConfig& config, std::shared_ptr<Catalog> catalog, WorkerPool& workers,
                         std::shared_ptr<const Preprocess> preprocess, std::shared_ptr<const TrainingWeights> weights, Stage stage, StageTimes& times,
                         Faults& faults, std::vector<Observer> observers)
    : WorkerLoader(workers), config_(config), catalog_(std::move(catalog)), preprocess_(std::move(preprocess)), weights_(std::move(weights)),
      labels_(config.label), file_classes_(file_classes(config.label, catalog_->file_paths())), stage_(stage), times_(times), faults_(faults),
      observers_(std::move(observers)),
      convert_(preprocess_->objects(), config.select, config.label.object) {}

EventSource::~EventSource() = default;

/// Features for a value that is read, at most; at least 1.
double EventSource::features_a_value() const {
  double most = 1;
  for (const auto& spec : preprocess_->specs()) {
    for (const auto& object : preprocess_->objects())
      if (object.name == spec.name)
        most = std::max(most, static_cast<double>(spec.features.size()) / static_cast<double>(object.columns.size()));
  }
  return most;
}

int64_t EventSource::reserve_bytes(int64_t unit) const {
  // The records as stored; their values, at most 8 bytes each; the ragged copy; the features, stacked, standardised and
  // transposed, at most one float32 for every value of a row each.
  const Unit& range = catalog_->units()[unit];
  // Where rows have labels: their classes and weights, what is kept of them, and the numbers of the kept rows, twice.
  const double a_value = 8 + 4 + 3 * 4 * features_a_value() + (config_.label.object.empty() ? 0 : 2 * kLabelBytes + 2 * 8);
  return range.stored_bytes + static_cast<int64_t>(a_value * static_cast<double>(range.num_values)) + 4096;
}

int64_t EventSource::held_bytes(int64_t unit) const {
  const Unit& range = catalog_->units()[unit];
  // Where rows have labels: a label and a weight beside the values that were read, of which the label is one.
  const double a_value = 4 * features_a_value() + (config_.label.object.empty() ? 0 : kLabelBytes / 2);
  return static_cast<int64_t>(a_value * static_cast<double>(range.num_values)) + kEventOverheadBytes * range.num_events;
}

DecodedUnit EventSource::load_here(int64_t unit) const {
  const at::NoGradGuard no_grad;
  const decode::ReadCost before = decode::thread_cost();
  const auto begin = Clock::now();
  const auto found = read(unit);
  if (!found) return left_out(unit);
  const Roles roles = this->roles(unit, *found);
  const EventBlock block = convert(unit, *found, roles.keep);
  const auto converted = Clock::now();
  count_reading(unit, before, std::chrono::nanoseconds(converted - begin).count());
  DecodedUnit decoded = decode(unit, *found, roles, block);
  times_.transform_ns += std::chrono::nanoseconds(Clock::now() - converted).count();
  return decoded;
}

void EventSource::read_and_drop(int64_t unit) const {
  const at::NoGradGuard no_grad;
  const decode::ReadCost before = decode::thread_cost();
  const auto begin = Clock::now();
  read(unit);
  count_reading(unit, before, std::chrono::nanoseconds(Clock::now() - begin).count());
}

/// What reading a unit has cost the calling thread; of the time that has passed, what was neither that nor waiting for the library is conversion.
void EventSource::count_reading(int64_t unit, const decode::ReadCost& before, int64_t passed_ns) const {
  const decode::ReadCost& after = decode::thread_cost();
  const int64_t read = after.read_ns - before.read_ns, decode = after.decode_ns - before.decode_ns,
                waited = after.waited_ns - before.waited_ns;
  faults_.took(1e-9 * static_cast<double>(read), after.stored_bytes - before.stored_bytes, catalog_->file_path(catalog_->units()[unit].file));
  times_.read_ns += read;
  times_.decode_ns += decode;
  times_.library_ns += after.library_ns - before.library_ns;
  times_.convert_ns += passed_ns - read - decode - waited;
  times_.stored_bytes += after.stored_bytes - before.stored_bytes;
  times_.decoded_bytes += after.decoded_bytes - before.decoded_bytes;
}

std::optional<std::vector<FieldValues>> EventSource::read(int64_t unit) const {
  if (config_.faults == "stop") return catalog_->read(unit);
  try {
    return catalog_->read(unit);
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {
    const Unit& range = catalog_->units()[unit];
    faults_.add(catalog_->file_path(range.file), range.first_event, range.num_events, error.what());
    return std::nullopt;
  }
}

DecodedUnit EventSource::left_out(int64_t unit) const {
  const auto nothing = catalog_->nothing();
  const Roles roles = this->roles(unit, nothing);
  DecodedUnit decoded = decode(unit, nothing, roles, convert(unit, nothing, roles.keep));
  decoded.position = at::full({decoded.num_events}, -1, at::kLong);
  return decoded;
}

EventBlock EventSource::convert(int64_t unit, const std::vector<FieldValues>& values, const at::Tensor& keep) const {
  const auto& objects = preprocess_->objects();
  const Unit& range = catalog_->units()[unit];
  std::map<std::string, FieldValues> by_object;
  for (size_t i = 0; i < objects.size(); ++i) by_object[objects[i].name] = values[i];
  return convert_(by_object, catalog_->file_path(range.file), range.first_event, keep);
}

EventBlock EventSource::raw_columns(int64_t unit) const {
  const auto found = read(unit);
  const auto values = found ? *found : catalog_->nothing();
  return convert(unit, values, roles(unit, values).keep);
}

EventSource::Roles EventSource::roles(int64_t unit, const std::vector<FieldValues>& values) const {
  Roles roles;
  const auto& any = values.front();  // all of the unit, or none where it is left out
  const int64_t num_events = any.offsets.defined() ? any.offsets.numel() - 1 : any.values.size(0);
  size_t next = preprocess_->objects().size();
  if (!config_.label.object.empty()) {
    roles.label = labels_.classes(row_labels(unit, values));
    ++next;
  } else {
    roles.label = file_classes_.empty() ? labels_.classes(values[next++].values)
                                        : at::full({num_events}, file_classes_[static_cast<size_t>(catalog_->units()[unit].file)], at::kLong);
  }
  roles.weight = config_.weight.field.empty() ? at::ones({num_events}, at::kFloat) : values[next].values.reshape(-1);
  if (config_.label.other == "drop") roles.keep = roles.label.ne(ClassLabels::kNone);
  if (!weights_ || !weights_->drops_negative()) return roles;
  const at::Tensor positive = roles.weight.lt(0).logical_not();  // NaN stays, to be refused
  roles.keep = roles.keep.defined() ? roles.keep.logical_and(positive) : positive;
  return roles;
}

/// The values of the label, [rows, width], of as many rows as the object has.
at::Tensor EventSource::row_labels(int64_t unit, const std::vector<FieldValues>& values) const {
  const auto& objects = preprocess_->objects();
  const auto object = std::find_if(objects.begin(), objects.end(), [this](const auto& candidate) { return candidate.name == config_.label.object; });
  const FieldValues& rows = values[static_cast<size_t>(object - objects.begin())];
  const FieldValues& label = values[objects.size()];
  const bool padded = !label.offsets.defined();
  const at::Tensor each = padded && labels_.kind() != ClassLabels::Kind::text ? label.values.reshape({-1, 1}) : label.values;
  const int64_t num_rows = rows.values.numel() / static_cast<int64_t>(object->columns.size());
  const bool alike = rows.offsets.defined() ? !padded && rows.values.size(0) == num_rows && rows.offsets.equal(label.offsets) : padded;
  TEV_CHECK_INPUT(alike && each.size(0) == num_rows, catalog_->file_path(catalog_->units()[unit].file), ": data.label has ", each.size(0), " values for ",
                  num_rows, " rows of '", object->name, "' (one a row was expected, divided into events as they are). Correct data.label.field.");
  return each;
}

DecodedUnit EventSource::decode(int64_t unit, const std::vector<FieldValues>& values, const Roles& roles, const EventBlock& block) const {
  const EventName where = event_names(unit, block);
  const auto chosen = [&block](const at::Tensor& column) {
    return block.selected.defined() ? column.index_select(0, block.selected) : column;
  };

  DecodedUnit decoded;
  decoded.num_events = catalog_->units()[unit].num_events;
  decoded.first_sample_id = catalog_->first_sample_id(unit);
  if (block.selected.defined()) decoded.position = positions(block.selected, decoded.num_events);
  if (config_.label.object.empty()) {
    decoded.label = chosen(roles.label);
  } else {
    decoded.label = block.kept.defined() ? roles.label.index_select(0, block.kept) : roles.label;
    decoded.label_offsets = block.raw.at(config_.label.object).offsets;
  }
  decoded.weight = chosen(roles.weight);
  check_labels(unit, decoded, values, block, where);
  check_weights(decoded.weight, where);
  switch (stage_) {
    case Stage::raw: decoded.inputs = block.raw; break;
    case Stage::features: decoded.inputs = preprocess_->features(block.raw, where); break;
    case Stage::standardised: decoded.inputs = preprocess_->apply(block.raw, where); break;
  }
  if (decoded.label_offsets.defined())
    decoded.weight = at::repeat_interleave(decoded.weight, decoded.label_offsets.diff());
  if (weights_ && stage_ >= Stage::features) add_training_weights(decoded, block, where);
  size_t next = values.size() - observers_.size();
  for (const auto& observer : observers_) {
    const at::Tensor column = chosen(values[next++].values);
    decoded.observers[observer.name] = column.size(1) == 1 ? column.reshape(-1) : column;
  }
  return decoded;
}

/// The fit of the factors gets base weights and bins, everybody else the product.
void EventSource::add_training_weights(DecodedUnit& decoded, const EventBlock& block, const EventName& where) const {
  decoded.weight = weights_->base(decoded.weight);
  const at::Tensor bins = weights_->bins(block.raw, where);
  if (stage_ == Stage::standardised) decoded.weight = weights_->weigh(decoded.weight, decoded.label, bins);
  if (stage_ == Stage::features && bins.defined()) decoded.observers[kWeightBins] = bins;
}

void EventSource::check_labels(int64_t unit, const DecodedUnit& decoded, const std::vector<FieldValues>& values, const EventBlock& block,
                               const EventName& where) const {
  const auto* begin = decoded.label.const_data_ptr<int64_t>();
  const auto* end = begin + decoded.label.numel();
  const auto* wrong = std::find_if(begin, end, [](int64_t label) { return label < 0; });
  if (wrong == end) return;
  const int64_t index = wrong - begin;
  const at::Tensor& among = decoded.label_offsets.defined() ? block.kept : block.selected;
  const int64_t read = among.defined() ? among[index].item<int64_t>() : index;
  const int64_t event = event_of_row(decoded.label_offsets, index);
  const FieldValues& of_label = values[preprocess_->objects().size()];
  if (!decoded.label_offsets.defined()) throw InputError(c10::str(where(event), ": ", labels_.problem(of_label.values, read)));
  const int64_t stored = block.selected.defined() ? block.selected[event].item<int64_t>() : event;
  const int64_t first = of_label.offsets.defined() ? of_label.offsets[stored].item<int64_t>() : stored * of_label.values.size(1);
  throw InputError(c10::str(where(event), ": row ", read - first, " of '", config_.label.object, "': ", labels_.problem(row_labels(unit, values), read)));
}

void EventSource::check_weights(const at::Tensor& weight, const EventName& where) const {
  const auto* begin = weight.const_data_ptr<float>();
  const auto* end = begin + weight.numel();
  const auto* wrong = std::find_if(begin, end, [](float value) { return !std::isfinite(value); });
  if (wrong == end) return;
  throw InputError(c10::str(where(wrong - begin), ": data.weight is ", non_finite_name(*wrong), " (expected a finite number). Repair the file."));
}

EventName EventSource::event_names(int64_t unit, const EventBlock& block) const {
  return [this, unit, selected = block.selected](int64_t event) {
    const Unit& range = catalog_->units()[unit];
    const int64_t row = selected.defined() ? selected[event].item<int64_t>() : event;
    return c10::str(catalog_->file_path(range.file), ": event ", range.first_event + row);
  };
}

}  // namespace tev
