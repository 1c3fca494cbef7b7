// tevatrain train CONFIG [KEY=VALUE...] [--run DIR] [--fresh]

#include "engine/cli/command.hpp"
#include "engine/train/metric_rows.hpp"
#include "engine/train/training_run.hpp"

#include <fmt/format.h>

#include <iostream>

namespace tev {
namespace {

int train(const TrainRequest& request) {
  TerminalMessages messages;
  const TrainReport report = run_training(request, messages);
  if (report.already_finished) {
    messages.info(report.run.string() + ": this run has finished; nothing to do. (--fresh starts anew, a larger train.epochs goes on.)");
    return exit_done;
  }
  if (report.outcome == TrainOutcome::stopped) {
    messages.info(fmt::format("{}: stopped at step {}{}. Run the same command to continue.", report.run.string(), report.step,
                              report.step > 0 ? " with a checkpoint" : ", before the training began"));
    return exit_stopped;
  }
  if (!report.test.empty())
    std::cout << (report.tested == Split::test ? "test metrics of the best weights:\n"
                                               : "validation metrics of the best weights, which these events chose (no data.test):\n")
              << metrics_table(report.test);
  std::cout << "run: " << report.run.string() << "\n"
            << "next: tevatrain report " << report.run.string() << "; tevatrain export " << report.run.string() << std::endl;
  return exit_done;
}

}  // namespace

void add_train(CLI::App& app, Command& chosen, const std::vector<std::string>& command_line) {
  auto* command = app.add_subcommand("train", "Train, or continue a training that was interrupted");
  auto request = std::make_shared<TrainRequest>();
  request->command_line = command_line;
  command->add_option("config", request->config_file, "Configuration file (docs/configuration.md)")->required();
  command->add_option("overrides", request->overrides, "Changes to it, e.g. train.epochs=3 optimizer.lr=1e-4");
  command->add_option("--run", request->run, "Run directory (default: runs/<name of the configuration>)");
  command->add_flag("--fresh", request->fresh, "Rename an existing run away and start anew");
  command->footer(R"(No run directory: a new run. Unfinished run with the same physics keys: continues where the last checkpoint stands, to the
same bits as without the interruption. SIGTERM, SIGUSR1, SIGUSR2 and Ctrl-C write a checkpoint and end with exit code 75.
Examples:
  tevatrain train configs/top/pfn.yaml
  tevatrain train configs/top/pfn.yaml train.epochs=3 train.batch_size=1000 --run runs/short --fresh)");
  command->callback([request, &chosen] { chosen = [request] { return train(*request); }; });
}

}  // namespace tev
