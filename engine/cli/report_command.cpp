// tevatrain report RUN...

#include "engine/cli/command.hpp"
#include "engine/export/python_process.hpp"

namespace tev {

void add_report(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("report", "One HTML page with loss, ROC curve, scores and inputs of runs; where rows have classes: IoU, confusion matrix, event displays");
  auto arguments = std::make_shared<std::vector<std::string>>();
  auto out = std::make_shared<std::string>();
  command->add_option("runs", *arguments, "Run directories")->required();
  command->add_option("--out", *out, "Folder of the report (default: RUN/report of the first run)");
  command->footer("Examples:\n  tevatrain report runs/pfn\n  tevatrain report runs/pfn runs/efn --out comparison");
  command->callback([arguments, out, &chosen] {
    chosen = [arguments, out] {
      auto list = *arguments;
      if (!out->empty()) list.insert(list.end(), {"--out", *out});
      return run_python_module("tevatrain.report", list);
    };
  });
}

}  // namespace tev
