#include "data/stream/event_source.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>

#include <algorithm>

namespace tev {
namespace {

FieldRequest request_of(const std::string& key, const std::string& field, FieldRequest::As as) {
  FieldRequest request;
  request.key = key;
  request.field = field;
  request.as = as;
  return request;
}

/// The value of an event that a label or a weight is.
template <class Config>
FieldRequest value_request(const std::string& key, const Config& config, FieldRequest::As as) {
  FieldRequest request = request_of(key, config.field, as);
  if (!config.column.empty()) {
    request.members = {config.column};
  } else {
    request.first = config.index;
    request.last = config.index + 1;
  }
  return request;
}

std::vector<std::pair<std::string, int64_t>> find_observers(const std::vector<RawObject>& objects,
                                                            const std::vector<std::string>& names) {
  const auto event = std::find_if(objects.begin(), objects.end(), [](const RawObject& object) { return !object.ragged; });
  const auto columns = event == objects.end() ? std::vector<std::string>{} : event->columns;
  std::vector<std::pair<std::string, int64_t>> observers;
  for (const auto& name : names) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    TEV_CHECK_INPUT(found != columns.end(), "--columns: '", name, "' is not a column of data.objects.event (",
                    columns.empty() ? "there are none" : "columns: " + join_names(columns), ").", suggest_name(name, columns),
                    " Declare it under data.objects.event.");
    observers.emplace_back(name, found - columns.begin());
  }
  return observers;
}

}  // namespace

std::vector<FieldRequest> field_requests(const DataConfig& config) {
  std::vector<FieldRequest> requests;
  for (const auto& [name, object] : config.objects) {
    FieldRequest request = request_of("data.objects." + name + ".field", object.field, FieldRequest::As::float32);
    request.members = object.columns;
    if (!object.take.empty()) {
      TEV_CHECK_INPUT(object.take.size() == 2 && object.take[0] >= 0 && object.take[0] < object.take[1], "data.objects.", name,
                      ".take: [", c10::Join(", ", object.take), "] is not a range (expected [first, last) with first < last).");
      request.first = object.take[0];
      request.last = object.take[1];
    }
    requests.push_back(std::move(request));
  }
  requests.push_back(value_request("data.label.field", config.label, FieldRequest::As::int64));
  if (!config.weight.field.empty()) requests.push_back(value_request("data.weight.field", config.weight, FieldRequest::As::float32));
  return requests;
}

EventSource::EventSource(const DataConfig& config, std::shared_ptr<Catalog> catalog, CatalogThread& thread, WorkerPool& workers,
                         std::shared_ptr<const Preprocess> preprocess, Stage stage, std::vector<std::string> observers)
    : config_(config), catalog_(std::move(catalog)), thread_(thread), workers_(workers), preprocess_(std::move(preprocess)),
      stage_(stage), observers_(find_observers(preprocess_->objects(), observers)),
      convert_(preprocess_->objects(), config.select) {}

EventSource::~EventSource() = default;

int64_t EventSource::reserve_bytes(int64_t unit) const {
  // The values as read, their ragged copy, and the features: each at most one float32 for every value of a row.
  const int64_t raw = catalog_->raw_bytes(unit);
  double widest = 1;
  for (const auto& spec : preprocess_->specs()) {
    for (const auto& object : preprocess_->objects())
      if (object.name == spec.name && object.ragged)
        widest = std::max(widest, static_cast<double>(spec.features.size()) / static_cast<double>(object.columns.size()));
  }
  return static_cast<int64_t>((2 + widest) * static_cast<double>(raw)) + 4096;
}

void EventSource::load(int64_t unit, Done done) {
  thread_.submit([this, unit, done = std::move(done)] {
    std::vector<at::Tensor> values;
    try {
      values = catalog_->read(unit);
    } catch (...) {
      done(nullptr, std::current_exception());
      return;
    }
    workers_.submit([this, unit, done, values = std::move(values)] {
      std::shared_ptr<const DecodedUnit> decoded;
      std::exception_ptr failure;
      try {
        decoded = std::make_shared<const DecodedUnit>(decode(unit, values));
      } catch (...) {
        failure = std::current_exception();
      }
      done(std::move(decoded), std::move(failure));
    });
  });
}

EventBlock EventSource::convert(int64_t unit, const std::vector<at::Tensor>& values) const {
  const auto& objects = preprocess_->objects();
  const Unit& range = catalog_->units()[unit];
  std::map<std::string, at::Tensor> by_object;
  for (size_t i = 0; i < objects.size(); ++i) by_object[objects[i].name] = values[i];
  return convert_(by_object, catalog_->file_path(range.file), range.first_event);
}

EventBlock EventSource::raw_columns(int64_t unit) const {
  return convert(unit, thread_.run([&] { return catalog_->read(unit); }));
}

DecodedUnit EventSource::decode(int64_t unit, const std::vector<at::Tensor>& values) const {
  const at::NoGradGuard no_grad;
  const auto num_objects = preprocess_->objects().size();
  const int64_t num_events = catalog_->units()[unit].num_events;
  const EventBlock block = convert(unit, values);

  DecodedUnit decoded;
  decoded.num_events = num_events;
  decoded.first_sample_id = catalog_->first_sample_id(unit);
  decoded.selected = block.selected;
  decoded.label = values[num_objects].reshape(-1);
  decoded.weight = config_.weight.field.empty() ? at::ones({num_events}, at::kFloat) : values[num_objects + 1].reshape(-1);
  check_labels(decoded, unit);
  check_weights(decoded, unit);
  decoded.inputs = stage_ == Stage::features ? preprocess_->features(block.raw) : preprocess_->apply(block.raw);
  for (const auto& [name, column] : observers_)
    decoded.observers[name] = block.raw.at("event").values.select(1, column).contiguous();
  return decoded;
}

void EventSource::check_labels(const DecodedUnit& decoded, int64_t unit) const {
  const auto num_classes = static_cast<int64_t>(config_.label.classes.size());
  const auto* label = decoded.label.const_data_ptr<int64_t>();
  const auto* wrong = std::find_if(label, label + decoded.num_events, [&](int64_t value) { return value < 0 || value >= num_classes; });
  TEV_CHECK_INPUT(wrong == label + decoded.num_events, where(unit, wrong - label), ": data.label is ", *wrong, " (expected 0 to ",
                  num_classes - 1, " for the classes ", join_names(config_.label.classes),
                  "). Correct data.label or list all classes.");
}

void EventSource::check_weights(const DecodedUnit& decoded, int64_t unit) const {
  if (config_.weight.field.empty()) return;
  const auto* weight = decoded.weight.const_data_ptr<float>();
  const auto* wrong = std::find_if(weight, weight + decoded.num_events, [](float value) { return !std::isfinite(value); });
  TEV_CHECK_INPUT(wrong == weight + decoded.num_events, where(unit, wrong - weight), ": data.weight is ", *wrong,
                  " (expected a finite number). Repair the file.");
}

std::string EventSource::where(int64_t unit, int64_t row) const {
  const Unit& range = catalog_->units()[unit];
  return c10::str(catalog_->file_path(range.file), ": event ", range.first_event + row);
}

}  // namespace tev
