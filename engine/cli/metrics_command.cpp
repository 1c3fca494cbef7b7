// tevatrain metrics FILE --score COLUMN --label COLUMN: the metrics of training for any file of scores.

#include "base/check.hpp"
#include "data/catalog/catalog_thread.hpp"
#include "data/readers/registry.hpp"
#include "engine/cli/command.hpp"
#include "engine/metrics/auc.hpp"
#include "engine/metrics/background_rejection.hpp"
#include "engine/train/metric_rows.hpp"

#include <ATen/ops/ones.h>

#include <iostream>

namespace tev {
namespace {

struct Request {
  std::string file, score, label, weight;
  int64_t signal = -1;
  std::vector<double> working_points = {0.3, 0.5};
};

/// Score of the signal, label and weight of every event.
MetricInput read_input(const Request& request, int64_t& signal) {
  std::vector<FieldRequest> fields{field_request("--score", request.score, FieldRequest::As::stored),
                                   field_request("--label", request.label, FieldRequest::As::int64)};
  if (!request.weight.empty()) fields.push_back(field_request("--weight", request.weight));
  const auto reader = open_reader(layout_of(request.file, fields.front().field), request.file, fields);
  auto values = reader->read(0, reader->num_events());
  const int64_t width = values[0].size(1);
  signal = request.signal >= 0 ? request.signal : std::max<int64_t>(width - 1, 1);
  TEV_CHECK_INPUT(width == 1 || signal < width, "--signal: there is no class ", signal, " among the ", width, " columns of '",
                  request.score, "'. Count from 0.");
  MetricInput input;
  input.label = values[1].reshape(-1);
  input.probabilities = at::ones({values[0].size(0), signal + 1}, at::kDouble);
  input.probabilities.select(1, signal).copy_(values[0].select(1, width == 1 ? 0 : signal));
  input.weight = request.weight.empty() ? at::ones({values[0].size(0)}, at::kFloat) : values[2].reshape(-1);
  return input;
}

int metrics(const Request& request) {
  int64_t signal = 0;
  CatalogThread thread;
  const MetricInput input = thread.run([&] { return read_input(request, signal); });
  const std::vector<SignalClass> signals{{signal, std::to_string(signal)}};
  AucMetric auc(signals);
  BackgroundRejectionMetric rejection(signals, request.working_points);
  std::vector<MetricValue> values;
  for (RankingMetric* metric : {static_cast<RankingMetric*>(&auc), static_cast<RankingMetric*>(&rejection)}) {
    metric->update(input);
    for (const auto& value : metric->value()) values.push_back(value);
  }
  std::cout << metrics_table(values);
  return exit_done;
}

}  // namespace

void add_metrics(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("metrics", "AUC and background rejection of any HDF5 file of scores");
  auto request = std::make_shared<Request>();
  command->add_option("file", request->file, "HDF5 file")->required();
  command->add_option("--score", request->score, "Scores: [N], or [N, classes]")->required();
  command->add_option("--label", request->label, "Integer labels")->required();
  command->add_option("--weight", request->weight, "Weights (default: 1)");
  command->add_option("--signal", request->signal, "Label of the signal (default: the last class)");
  command->add_option("--working-points", request->working_points, "Signal efficiencies for the rejection")
      ->delimiter(',')
      ->check(CLI::Range(1e-6, 1.0));
  command->footer(R"(A column is a dataset, a column of a pandas table, or a part of one: dataset:member, dataset:index.
Examples:
  tevatrain metrics runs/pfn/predictions/test.h5 --score scores --label label --weight weight
  tevatrain metrics salt_output.h5 --score jets:salt_pb --label jets:is_b --working-points 0.6,0.7,0.77)");
  command->callback([request, &chosen] { chosen = [request] { return metrics(*request); }; });
}

}  // namespace tev
