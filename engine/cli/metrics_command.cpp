// tevatrain metrics FILE --score COLUMN --label COLUMN: the metrics of training for any file of scores.

#include "base/check.hpp"
#include "data/hdf5/catalog_thread.hpp"
#include "data/readers/registry.hpp"
#include "engine/cli/command.hpp"
#include "engine/metrics/metric_set.hpp"
#include "engine/record/terminal.hpp"
#include "engine/train/metric_rows.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>

#include <iostream>
#include <limits>

namespace tev {
namespace {

struct Request {
  std::string file, score, label, weight;
  int64_t signal = -1;
  std::vector<double> working_points = {0.3, 0.5};
};

/// What the file holds of every event, as the metrics of training take it.
struct ScoredFile {
  MetricInput input;
  DataSpec spec;  ///< only its classes: the values of the label; of a single score, the others and the signal
  MetricsConfig config;
};

void check_finite(const Request& request, const std::string& option, const std::string& column, const at::Tensor& values) {
  const at::Tensor bad = at::isfinite(values).logical_not().nonzero();
  if (bad.size(0) == 0) return;
  const auto event = bad[0][0].item<int64_t>();
  throw InputError(c10::str(request.file, ": ", option, ": event ", event, " of '", column, "' is ",
                            values[event][bad[0][1]].item<double>(), " (a finite number was expected). Repair the file."));
}

/// A label or a weight is one value an event.
at::Tensor single(const Request& request, const std::string& option, const std::string& column, const at::Tensor& values) {
  TEV_CHECK_INPUT(values.size(1) == 1, request.file, ": ", option, ": '", column, "' has ", values.size(1),
                  " values an event (one was expected). Name one of them, as ", column, ":0.");
  return values.reshape(-1);
}

ScoredFile read_scores(const Request& request) {
  std::vector<FieldRequest> fields{field_request("--score", request.score, FieldRequest::As::stored),
                                   field_request("--label", request.label, FieldRequest::As::int64)};
  if (!request.weight.empty()) fields.push_back(field_request("--weight", request.weight));
  CatalogThread thread;
  const auto reader = open_reader(layout_of(request.file, fields.front().field, thread), request.file, fields, thread);
  const auto values = reader->read(0, reader->num_events());
  const at::Tensor score = values[0].values.to(at::kDouble);
  TEV_CHECK_INPUT(score.size(0) > 0, request.file, ": --score: '", request.score, "' has no events (some were expected). Name another file.");
  check_finite(request, "--score", request.score, score);
  if (!request.weight.empty()) check_finite(request, "--weight", request.weight, values[2].values);
  ScoredFile file;
  file.config.working_points = request.working_points;
  file.input.weight = request.weight.empty() ? at::ones({score.size(0)}, at::kFloat) : single(request, "--weight", request.weight, values[2].values);
  file.input.label = single(request, "--label", request.label, values[1].values);
  if (score.size(1) == 1) {
    file.input.label = file.input.label.eq(request.signal >= 0 ? request.signal : 1).to(at::kLong);
    file.input.probabilities = at::cat({1 - score, score}, 1);
    file.spec.classes = {"rest", "signal"};
    return file;
  }
  TEV_CHECK_INPUT(request.signal < score.size(1), "--signal: there is no class ", request.signal, " among the ", score.size(1),
                  " columns of '", request.score, "'. Count from 0.");
  if (request.signal >= 0) file.config.signal = std::to_string(request.signal);
  file.input.probabilities = score;
  for (int64_t c = 0; c < score.size(1); ++c) file.spec.classes.push_back(std::to_string(c));
  return file;
}

/// Scores of a program that gives no probabilities still rank the events.
bool are_probabilities(const at::Tensor& score) {
  constexpr double rounding = 2e-3;  // of scores stored in half precision
  return score.ge(0).logical_and(score.le(1)).all().item<bool>() && (score.sum(1) - 1).abs().le(rounding).all().item<bool>();
}

/// Sum of weight x cross entropy. A probability that was rounded to 0 when it was stored counts as the smallest float32.
double loss_sum(const MetricInput& input) {
  const at::Tensor right = input.probabilities.gather(1, input.label.unsqueeze(1)).squeeze(1).clamp_min(std::numeric_limits<float>::min());
  return right.log().neg().mul(input.weight).sum().item<double>();
}

int metrics(const Request& request) {
  CatalogThread thread;
  ScoredFile file = thread.run([&] { return read_scores(request); });
  MetricInput& input = file.input;
  const auto classes = static_cast<int64_t>(file.spec.classes.size());
  TEV_CHECK_INPUT(input.label.min().item<int64_t>() >= 0 && input.label.max().item<int64_t>() < classes, "--label: '", request.label,
                    "' has values from ", input.label.min().item<int64_t>(), " to ", input.label.max().item<int64_t>(), " ('",
                    request.score, "' has a column for each of 0 to ", classes - 1, "). Name a single column of the scores and --signal.");
  if (are_probabilities(input.probabilities)) {
    MetricSet metrics(file.config, file.spec);
    input.loss_sum = loss_sum(input);
    metrics.update(input);
    std::cout << metrics_table(metrics.values(request.file));
    return exit_done;
  }
  TerminalMessages().info("'" + request.score + "' holds no probabilities (0 to 1, adding up to 1): loss and accuracy are left out");
  const auto ranking = ranking_metric(file.config, file.spec);
  ranking->update(input);
  try {
    std::cout << metrics_table(ranking->value());
  } catch (const InputError& error) {
    throw InputError(request.file + ": " + error.what());
  }
  return exit_done;
}

}  // namespace

void add_metrics(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("metrics", "Loss, accuracy, AUC and background rejection of any HDF5 file of scores");
  auto request = std::make_shared<Request>();
  command->add_option("file", request->file, "HDF5 file")->required();
  command->add_option("--score", request->score, "Scores: [N], or [N, classes]")->required();
  command->add_option("--label", request->label, "Integer labels")->required();
  command->add_option("--weight", request->weight, "Weights (default: 1)");
  command->add_option("--signal", request->signal, "Label of the signal (default: 1 for a single score, the last of two classes, each of more in turn)");
  command->add_option("--working-points", request->working_points, "Signal efficiencies for the rejection")
      ->delimiter(',')
      ->check(CLI::Range(1e-6, 1.0));
  command->footer(R"(Loss and accuracy need probabilities; a single score of 0 to 1 is the probability of the signal.
A column is a dataset, a column of a pandas table, or a part of one: dataset:member, dataset:index.
Examples:
  tevatrain metrics runs/pfn/predictions/test.h5 --score scores --label label --weight weight
  tevatrain metrics salt_output.h5 --score jets:salt_pb --label jets:is_b --working-points 0.6,0.7,0.77)");
  command->callback([request, &chosen] { chosen = [request] { return metrics(*request); }; });
}

}  // namespace tev
