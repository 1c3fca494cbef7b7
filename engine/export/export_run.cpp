#include "engine/export/export_run.hpp"

#include "base/check.hpp"
#include "base/durable_rename.hpp"
#include "data/stream/gather.hpp"
#include "data/write/h5_writer.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "engine/evaluate/batch_device.hpp"
#include "engine/export/exported_model.hpp"
#include "engine/export/python_process.hpp"
#include "engine/objective/objective.hpp"
#include "kernels/cuda_library.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <nlohmann/json.hpp>

namespace tev {
namespace {

using nlohmann::ordered_json;

constexpr double kParityLimit = 1e-6;
constexpr int64_t kParityEvents = 500;  // the largest batch that is compared
constexpr int64_t kParityRows = 100'000;  // of an object: events of a detector have thousands

std::vector<float> floats(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

/// What somebody needs to redo the preprocessing elsewhere.
ordered_json preprocessing_json(const TrainedRun& run) {
  ordered_json json;
  for (const auto& object : run.preprocess->objects())
    json["inputs"][object.name] = {{"ragged", object.ragged}, {"columns", object.columns}, {"valid", object.valid}};
  const auto constants = run.preprocess->state();
  for (const auto& [object, features] : run.config.data.features) {
    if (!run.spec.find(object)) continue;
    const auto mean = floats(constants.at("mean_" + object)), scale = floats(constants.at("scale_" + object));
    for (size_t i = 0; i < features.size(); ++i)
      json["features"][object].push_back(
          {{"name", features[i].first}, {"expression", features[i].second}, {"mean", mean[i]}, {"scale", scale[i]}});
  }
  json["classes"] = run.spec.classes;
  if (!run.spec.label_object.empty()) json["labelled_object"] = run.spec.label_object;
  json["standardised"] = "(x - mean) / scale";
  return json;
}

int64_t num_events(const Column& column) { return column.ragged() ? column.offsets.numel() - 1 : column.values.size(0); }

/// The first events, as many as have no more rows of any object, but at least one.
Columns first_events(const Columns& raw, int64_t most_rows) {
  int64_t count = num_events(raw.begin()->second);
  for (const auto& [name, column] : raw)
    if (column.ragged()) count = std::min(count, std::max<int64_t>(1, column.offsets.le(most_rows).sum().item<int64_t>() - 1));
  Columns first;
  for (const auto& [name, column] : raw) {
    if (column.ragged()) first[name].offsets = column.offsets.slice(0, 0, count + 1);
    first[name].values = column.values.slice(0, 0, column.ragged() ? first[name].offsets[count].item<int64_t>() : count);
  }
  return first;
}

/// The rows of the largest event of a column: rows of several events may exclude each other, as voxels do.
at::Tensor rows_of_largest_event(const Column& column) {
  const at::Tensor lengths = column.offsets.diff();
  const auto event = lengths.argmax().item<int64_t>();
  const auto first = column.offsets[event].item<int64_t>();
  return column.values.slice(0, first, first + lengths[event].item<int64_t>());
}

/// One event with the event columns of the first one and so many rows of every ragged object (fewer where no event has more).
Columns event_of_length(const Columns& raw, int64_t length) {
  Columns event;
  for (const auto& [name, column] : raw) {
    const at::Tensor all = column.ragged() ? rows_of_largest_event(column) : column.values;
    const int64_t rows = column.ragged() ? std::min(all.size(0), length) : 1;
    event[name].values = all.slice(0, 0, rows);
    if (column.ragged()) event[name].offsets = at::tensor({int64_t{0}, rows}, at::kLong);
  }
  return event;
}

/// Made-up events of 0, 1 and 200 rows. One that the features are not defined for is left out: the data need not have it.
Columns special_lengths(const TrainedRun& run, const Columns& raw, Messages& messages) {
  std::vector<Columns> events;
  for (const int64_t length : {0, 1, 200}) {
    events.push_back(event_of_length(raw, length));
    try {
      run.preprocess->apply(events.back());
    } catch (const InputError& error) {
      events.pop_back();
      messages.info(c10::str("export: parity leaves out the made-up event of ", length, " rows: ", error.what()));
    }
  }
  return events.empty() ? Columns() : join_columns(events);
}

/// @param where  whose events these are, for messages
at::Tensor probabilities_of(const TrainedRun& run, const Columns& raw, const std::string& where) {
  const at::NoGradGuard no_grad;
  const auto objective = make_objective(run.config.objective, run.spec);
  try {
    return objective->probabilities(run.model->forward(inputs_for(*run.model, run.preprocess->apply(raw))));
  } catch (const EventError& error) {
    throw InputError(c10::str("export: selected event ", error.event, " (from 0) of ", where, ": ", error.what()));
  }
}

/// Raw columns and our probabilities, for the Python side.
void write_group(H5Writer& writer, const std::string& group, const Columns& raw, const at::Tensor& probabilities) {
  for (const auto& [name, column] : raw) {
    writer.append(group + "/" + name + "/values", column.values);
    if (column.ragged()) writer.append(group + "/" + name + "/offsets", column.offsets);
  }
  writer.append(group + "/probabilities", probabilities.contiguous());
}

}  // namespace

ExportReport export_run(const std::filesystem::path& root, const std::vector<std::string>& files, ExportForm form, Messages& messages) {
  const TrainedRun run = open_trained_run(root, at::kCPU, messages);
  const auto folder = run.paths.exported();
  std::filesystem::create_directories(folder);
  ExportReport report;
  const std::string suffix = form == ExportForm::fused ? "_fused" : "";
  report.model = folder / ("model" + suffix + ".pt");
  // The name is given to what has been proved; nothing of an earlier export may pass for it.
  const auto unproved = folder / ("model" + suffix + ".unproved.pt"), parity_file = folder / ("parity" + suffix + ".json"),
             sample = folder / ("parity_sample" + suffix + ".h5");
  for (const auto& earlier : {report.model, unproved, parity_file}) std::filesystem::remove(earlier);
  exported_model(*run.model, *run.preprocess, run.spec, form).save(unproved.string());
  replace_file(folder / "preprocessing.json", preprocessing_json(run).dump(2) + "\n");

  const auto data = open_data(run, files, messages);
  const Split split = evaluated_split(run, files);
  const Columns raw = first_events(data->raw_sample(split, kParityEvents), kParityRows);
  const Columns special = special_lengths(run, raw, messages);
  data->catalog_thread().run([&] {
    H5Writer writer(sample.string());
    write_group(writer, "events", raw, probabilities_of(run, raw, files.empty() ? data->files_key(split) : "--data"));
    if (!special.empty()) write_group(writer, "special", special, probabilities_of(run, special, "the made-up ones"));
    writer.close();
  });
  std::vector<std::string> arguments{unproved.string(), sample.string(), parity_file.string()};
  if (form == ExportForm::fused) arguments.push_back(operator_library());
  const int code = run_python_module("tevatrain.parity", arguments);
  TEV_CHECK(code == 0, root.string(), ": the parity check of the export did not run (Python ended with code ", code,
            "). Its message is above.");
  const auto parity = nlohmann::json::parse(read_file(parity_file));
  report.max_difference = parity.at("max_difference");
  report.events = parity.at("events");
  TEV_CHECK(report.max_difference <= kParityLimit, unproved.string(), ": probabilities differ by ", report.max_difference,
            " from the trained model (at most ", kParityLimit, " is allowed). Do not use it; ", parity_file.string(),
            " has the details.");
  sync_file(unproved);
  rename_durably(unproved, report.model);
  return report;
}

}  // namespace tev
