// tevatrain evaluate RUN and tevatrain predict RUN: a trained model on the held-back events, or on other files.

#include "data/write/output_file.hpp"
#include "engine/cli/command.hpp"
#include "engine/evaluate/batch_device.hpp"
#include "engine/evaluate/evaluate.hpp"
#include "engine/evaluate/predictions.hpp"
#include "engine/evaluate/trained_run.hpp"
#include "engine/record/terminal.hpp"
#include "engine/train/metric_rows.hpp"

#include <ATen/Parallel.h>

#include <iostream>
#include <thread>

namespace tev {
namespace {

struct Request {
  std::string run;
  std::vector<std::string> data;
  std::vector<std::string> columns;
  std::string out;
  std::string device = "auto";
};

void add_common_options(CLI::App& command, Request& request) {
  command.add_option("run", request.run, "Run directory")->required();
  command.add_option("--data", request.data, "Files of the same layout (default: data.test of the run, else data.val)");
  command.add_option("--device", request.device, "auto, cpu or cuda")->check(CLI::IsMember({"auto", "cpu", "cuda"}));
}

/// Runs the model over the events; writes predictions where a path is given.
std::vector<MetricValue> pass(const Request& request, bool with_metrics, TerminalMessages& messages) {
  at::set_num_threads(static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  const TrainedRun run = open_trained_run(request.run, choose_device(request.device), messages);
  const auto data = open_data(run, request.data, messages, request.columns);
  if (device_of(*run.model).is_cuda()) data->pin_batches();
  const Split split = evaluated_split(run, request.data);
  if (!request.out.empty())
    data->catalog_thread().run([&] { check_output("--out", request.out, data->file_paths(split), PredictionWriter::datasets()); });
  const auto objective = make_objective(run.config.objective, run.spec);
  MetricSet metrics(run.config.metrics, run.spec);
  std::unique_ptr<PredictionWriter> writer;
  if (!request.out.empty())
    writer = std::make_unique<PredictionWriter>(data->catalog_thread(), request.out, run.spec,
                                                signal_classes(run.config.metrics, run.spec).front().index);
  const auto stream = data->evaluation_stream(split, run.config.train.batch_size);
  const auto visit = [&writer](const Batch& batch, const at::Tensor& probabilities) {
    if (writer) writer->append(batch, probabilities);
  };
  evaluate(*run.model, *objective, *stream, with_metrics ? &metrics : nullptr, visit, with_metrics ? "evaluate" : "predict",
           data->num_events(split), messages);
  if (writer) writer->close();
  if (split == Split::val) messages.info("data.test is not given: these are the validation events, which chose the weights");
  return with_metrics ? metrics.values(request.data.empty() ? data->files_key(split) : "--data") : std::vector<MetricValue>{};
}

}  // namespace

void add_evaluate(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("evaluate", "Metrics of a trained model");
  auto request = std::make_shared<Request>();
  add_common_options(*command, *request);
  command->footer("Examples:\n  tevatrain evaluate runs/pfn\n  tevatrain evaluate runs/pfn --data other.h5 'more/*.h5'");
  command->callback([request, &chosen] {
    chosen = [request]() -> int {
      TerminalMessages messages;
      std::cout << metrics_table(pass(*request, true, messages));
      return exit_done;
    };
  });
}

void add_predict(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("predict", "Scores of a trained model as HDF5");
  auto request = std::make_shared<Request>();
  add_common_options(*command, *request);
  command->add_option("--out", request->out, "File to write (default: RUN/predictions/predict.h5)");
  command->add_option("--columns", request->columns, "Fields of the files to copy along, as they are stored")->delimiter(',');
  command->footer(R"(Writes scores [N, classes], label, weight, sample_id, class_names and the columns asked for: a column of
data.objects.event, or any field of the files as field, field:index or field:member, with name= in front to rename it.
Where rows have classes, scores, label and weight are those of rows, offsets [N + 1] says which belong to an event, inputs/ has their raw features.
Examples:
  tevatrain predict runs/pfn --data new.h5 --out scores.h5
  tevatrain predict runs/pfn --columns ttv=values_block_1:0,truth_e=values_block_0:800)");
  command->callback([request, &chosen] {
    chosen = [request]() -> int {
      if (request->out.empty()) request->out = (RunPaths{request->run}.predictions() / "predict.h5").string();
      TerminalMessages messages;
      pass(*request, false, messages);
      std::cout << request->out << std::endl;
      return exit_done;
    };
  });
}

}  // namespace tev
