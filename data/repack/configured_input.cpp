#include "data/repack/configured_input.hpp"

#include "base/check.hpp"
#include "data/stream/data_session.hpp"
#include "data/stream/memory_limit.hpp"

#include <algorithm>
#include <set>
#include <sstream>

namespace tev {
namespace {

hdf5::Scalar scalar_of(const at::Tensor& values) {
  switch (values.scalar_type()) {
    case at::kFloat: return hdf5::Scalar::float32;
    case at::kDouble: return hdf5::Scalar::float64;
    default: return hdf5::Scalar::int64;
  }
}

RepackColumn numbers(const std::string& dataset, const std::string& extents, const at::Tensor& values) {
  return {{dataset, "", scalar_of(values), {values.sizes().begin() + 1, values.sizes().end()}, static_cast<int64_t>(values.element_size())}, extents};
}

std::string names_in_brackets(const std::vector<std::string>& names) { return c10::str("[", c10::Join(", ", names), "]"); }

class ConfiguredInput final : public RepackInput {
 public:
  ConfiguredInput(const DataConfig& config, const std::vector<std::string>& observers, const RepackOrder& order, Messages& messages)
      : writing_bytes_(loading_budget_bytes(config.budget_mib) / kWritingDivisor), has_weight_(!config.weight.field.empty()),
        label_object_(config.label.object),
        session_(config, order.seed, messages, observers, {"--budget-mib", "--workers", "--shuffle-rows ", writing_bytes_, true}) {
    check_names(config, observers);
    const auto stream = session_.evaluation_stream(Split::train, 1, EventSource::Stage::raw);
    const auto first = stream->next();
    for (const auto& [name, column] : columns_of(first.value())) {
      const std::string extents = column.ragged() ? name.substr(0, name.rfind('/')) + "/extents" : "";
      columns_.push_back(numbers(name, extents, column.values));
    }
  }

  std::vector<std::string> file_paths() const override { return session_.file_paths(Split::train); }
  std::string described_by() const override { return session_.file_paths(Split::train).front(); }
  int64_t num_events() const override { return session_.num_events(Split::train); }
  int64_t bytes_per_event() const override { return std::max<int64_t>(1, session_.stored_bytes(Split::train) / num_events()); }
  int64_t most_event_bytes() const override { return session_.most_event_bytes(Split::train); }
  uint64_t fingerprint() override { return session_.fingerprint(Split::train); }
  CatalogThread& catalog_thread() override { return session_.catalog_thread(); }
  int64_t writing_bytes() const override { return writing_bytes_; }

  ShuffleSpec shuffle(const RepackOrder&) const override { return session_.shuffle(); }

  std::unique_ptr<BatchStream> stream(const RepackOrder& order, int64_t batch_size, int64_t first_step) override {
    if (!order.shuffled) return session_.evaluation_stream(Split::train, batch_size, EventSource::Stage::raw, first_step);
    Cursor cursor = session_.start_cursor(batch_size);
    cursor.step = first_step;
    return session_.training_stream(cursor, 1, {}, EventSource::Stage::raw);
  }

  Columns columns_of(Batch batch) const override {
    Columns columns;
    for (auto& [name, column] : batch.inputs) columns[column.ragged() ? name + "/values" : name] = column;
    columns[batch.label_offsets.defined() ? label_object_ + "/label" : "label"] = {batch.label, batch.label_offsets};
    if (has_weight_) columns["weight"] = {batch.weight, {}};
    for (auto& [name, values] : batch.observers) columns[name] = {values, {}};
    return columns;
  }

 private:
  static void check_names(const DataConfig& config, const std::vector<std::string>& observers) {
    TEV_CHECK_INPUT(config.label.object.empty() || config.weight.field.empty(), "repack: data.weight.field '", config.weight.field,
                    "' with labels of rows (a weight an event would stand at each of its rows). Leave data.weight out, and carry the field along: --columns weight=",
                    config.weight.field, ".");
    std::set<std::string> names{"label", "weight"};
    const auto check = [](bool good, const std::string& name) {
      TEV_CHECK_INPUT(good, "repack: two columns would be called '", name, "' (objects, label, weight and --columns become datasets of their names). ",
                      "Rename the object in the configuration, or the column: my_", name, "=", name, ".");
    };
    for (const auto& [name, object] : config.objects) check(names.insert(name).second, name);
    for (const auto& column : observers) {
      const std::string name = column.substr(0, column.find('=')), group = name.substr(0, name.find('/'));
      check(names.count(group) == 0, group);
    }
  }

  int64_t writing_bytes_;
  bool has_weight_;
  std::string label_object_;
  DataSession session_;
};

}  // namespace

std::unique_ptr<RepackInput> open_configured_input(DataConfig config, const std::vector<std::string>& files, const std::vector<std::string>& observers,
                                                   const RepackOrder& order, const RepackResources& resources, Messages& messages) {
  config.train = files;
  config.val = config.test = config.files = {};
  config.split = {};
  WeightConfig base;  // training changes weights, not files
  base.field = config.weight.field;
  base.index = config.weight.index;
  base.column = config.weight.column;
  config.weight = base;
  config.workers = resources.workers;
  if (order.shuffle_rows > 0) config.shuffle_rows = order.shuffle_rows;
  if (resources.budget_mib > 0) config.budget_mib = resources.budget_mib;
  return std::make_unique<ConfiguredInput>(config, observers, order, messages);
}

std::string data_section(const DataConfig& config, const std::string& files) {
  std::ostringstream text;
  text << "data:\n  reader: flat\n  train: " << files << "\n  objects:\n";
  for (const auto& [name, object] : config.objects) {
    const auto& names = object.as.empty() ? object.columns : object.as;
    if (name == "event")
      text << "    event: {field: event, as: " << names_in_brackets(names) << "}\n";
    else
      text << "    " << name << ": {field: " << name << "/values, extents: " << name << "/extents, as: " << names_in_brackets(names) << "}\n";
  }
  const std::string label = config.label.object.empty() ? "field: label" : c10::str("object: ", config.label.object, ", field: ", config.label.object, "/label");
  text << "  label: {" << label << ", classes: " << names_in_brackets(class_names(config.label)) << "}\n";
  if (!config.weight.field.empty()) text << "  weight: {field: weight}\n";
  return text.str();
}

}  // namespace tev
