// tevatrain check CONFIG: everything that can be known without training.

#include "engine/cli/command.hpp"
#include "data/stream/gather.hpp"
#include "data/stream/memory_limit.hpp"
#include "data/write/h5_writer.hpp"
#include "data/write/output_file.hpp"
#include "engine/cli/cpu_allocator.hpp"
#include "engine/evaluate/batch_device.hpp"
#include "engine/evaluate/trained_run.hpp"
#include "engine/record/terminal.hpp"
#include "engine/train/summary_cache.hpp"
#include "engine/train/training_step.hpp"

#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>

namespace tev {
namespace {

struct Request {
  std::string config;
  std::vector<std::string> overrides;
  std::string order_file;
  int64_t order_batches = 200;
};

void print_columns(const DataSession& data) {
  std::cout << "\ncolumns read\n";
  for (const auto& object : data.preprocess()->objects())
    std::cout << fmt::format("  {:<8} {:<7} {}\n", object.name, object.ragged ? "ragged" : "event", fmt::join(object.columns, " "));
}

void print_summary(const DataSession& data, const TrainingSummary& summary) {
  std::cout << "\nclasses of the training split\n";
  for (size_t i = 0; i < data.spec().classes.size(); ++i)
    std::cout << fmt::format("  {:<20} {:>12} {}   weight {:.6g}\n", data.spec().classes[i], summary.class_labels[i],
                             data.spec().label_object.empty() ? "events" : "rows", summary.class_weight[i]);
  std::cout << fmt::format("\n{:<28} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "features (training split)", "minimum", "maximum", "mean",
                           "scale", "rows");
  for (const auto& f : summary.standardisation.features)
    std::cout << fmt::format("  {:<26} {:>12.5g} {:>12.5g} {:>12.5g} {:>12.5g} {:>12}\n", f.object + "." + f.feature, f.minimum,
                             f.maximum, f.mean, f.scale, f.rows);
}

/// The first rows of the first three events, as the model sees them before standardisation.
void print_events(DataSession& data) {
  const Columns features = data.preprocess()->features(data.raw_sample(Split::train, 3));
  for (int64_t event = 0; event < 3; ++event) {
    std::cout << fmt::format("\nevent {}\n", event);
    for (const auto& object : data.spec().objects) {
      const Column& column = features.at(object.name);
      const int64_t events = column.ragged() ? column.offsets.size(0) - 1 : column.values.size(0);
      if (event >= events) continue;
      const int64_t first = column.ragged() ? column.offsets[event].item<int64_t>() : event;
      const int64_t last = column.ragged() ? column.offsets[event + 1].item<int64_t>() : event + 1;
      std::cout << fmt::format("  {} ({} rows): {}\n", object.name, last - first, fmt::join(object.features, " "));
      for (int64_t row = first; row < std::min(last, first + 3); ++row) {
        const at::Tensor values = column.values[row].contiguous();
        std::cout << fmt::format("    {:.5g}\n", fmt::join(values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.size(0), " "));
      }
    }
  }
}

/// What the forward pass of the first training batch keeps for the backward pass, its inputs among it.
int64_t activation_bytes(DataSession& data, const RunConfig& config, Model& model) {
  const auto stream = data.training_stream(data.start_cursor(config.train.batch_size), 1);
  Batch batch = stream->next().value();
  while (batch.size() == 0) batch = stream->next().value();
  const int64_t before = tensor_bytes_of_thread();
  model.train();
  const PrecisionGuard autocast(config.train.precision == "bf16" ? Precision::bf16 : Precision::fp32, at::kCPU);
  const at::Tensor logits = logits_of(model, batch, data.files_key(Split::train));
  return tensor_bytes_of_thread() - before + batch_bytes(batch);
}

void print_size(DataSession& data, const RunConfig& config, const TrainingSummary& summary) {
  const auto model = make_model(config, data.spec(), at::kCPU);
  int64_t weights = 0;
  for (const auto& parameter : model->parameters()) weights += parameter.numel();
  double bytes_per_event = kEventOverheadBytes;
  for (const auto& f : summary.standardisation.features)
    bytes_per_event += 4.0 * static_cast<double>(f.rows) / static_cast<double>(data.num_events(Split::train));
  const auto& shuffle = data.shuffle();
  std::cout << fmt::format("\nmemory\n  loading: budget {} MiB; a shuffle window of {} events takes about {:.0f} MiB\n",
                           loading_budget_bytes(config.data.budget_mib) >> 20, shuffle.round_rows(),
                           bytes_per_event * static_cast<double>(shuffle.round_rows()) / (1 << 20))
            << fmt::format("  model: {} weights; with gradients and optimizer about {:.1f} MiB\n", weights,
                           16.0 * static_cast<double>(weights) / (1 << 20))
            << fmt::format("  activations: {:.1f} MiB for a batch of {} events on the CPU; the backward pass takes up to as much again\n",
                           static_cast<double>(activation_bytes(data, config, *model)) / (1 << 20), config.train.batch_size)
            << fmt::format("  shuffle: {} lanes of {} window{}; spread of class fractions at most {:.2f} times a perfect shuffle's\n",
                           shuffle.lanes, shuffle.num_windows, shuffle.num_windows == 1 ? "" : "s", spread_bound(shuffle, config.train.batch_size));
}

void check_order_file(DataSession& data, const std::string& path) {
  std::vector<std::string> files;
  for (const Split split : {Split::train, Split::val, Split::test})
    if (data.has(split))
      for (const auto& file : data.file_paths(split)) files.push_back(file);
  data.catalog_thread().run([&] { check_output("--order", path, files, {"sample_id", "offsets"}); });
}

/// Sample ids of the first batches: batch t is sample_id[offsets[t] : offsets[t + 1]].
void write_order(DataSession& data, const RunConfig& config, const Request& request) {
  const auto stream = data.training_stream(data.start_cursor(config.train.batch_size), config.train.epochs);
  std::vector<int64_t> offsets{0};
  std::vector<at::Tensor> ids;
  for (int64_t t = 0; t < request.order_batches; ++t) {
    const auto batch = stream->next();
    if (!batch) break;
    ids.push_back(batch->sample_id);
    offsets.push_back(offsets.back() + batch->size());
  }
  data.catalog_thread().run([&] {
    H5Writer writer(request.order_file);
    for (const auto& batch : ids) writer.append("sample_id", batch);
    writer.append("offsets", at::tensor(offsets, at::kLong));
    writer.close();
  });
}

int check(const Request& request) {
  TerminalMessages messages;
  RunConfig config = load_run_config(request.config, request.overrides);
  DataSession data(config.data, static_cast<uint64_t>(config.seed), messages);
  resolve_open_keys(config, data);
  data.check_evaluation_fits();
  if (!request.order_file.empty()) check_order_file(data, request.order_file);
  std::cout << "# resolved configuration\n" << config.resolved_yaml();
  print_columns(data);
  const TrainingSummary summary = cached_summary(data, config.data, config.seed, messages).value();
  data.standardise(summary.standardisation);
  print_summary(data, summary);
  print_events(data);
  print_size(data, config, summary);
  if (!request.order_file.empty()) write_order(data, config, request);
  return exit_done;
}

}  // namespace

void add_check(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("check", "Show what a configuration means: columns, events, ranges, memory; no training");
  auto request = std::make_shared<Request>();
  command->add_option("config", request->config, "Configuration file")->required();
  command->add_option("overrides", request->overrides, "Changes to it, e.g. train.epochs=3");
  command->add_option("--order", request->order_file, "Also write the sample ids of the first batches to this HDF5 file");
  command->add_option("--batches", request->order_batches, "How many batches for --order")->check(CLI::PositiveNumber);
  command->footer("Examples:\n  tevatrain check configs/top/pfn.yaml\n  tevatrain check configs/top/pfn.yaml --order order.h5 --batches 10");
  command->callback([request, &chosen] { chosen = [request] { return check(*request); }; });
}

}  // namespace tev
