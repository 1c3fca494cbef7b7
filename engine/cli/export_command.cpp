// tevatrain export RUN

#include "engine/cli/command.hpp"
#include "engine/export/export_run.hpp"
#include "engine/record/terminal.hpp"

#include <fmt/format.h>

#include <iostream>

namespace tev {

void add_export(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("export", "Write the trained model as TorchScript, with proof that it is the same");
  auto run = std::make_shared<std::string>();
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("run", *run, "Run directory")->required();
  command->add_option("--data", *files, "Files to compare on (default: data.test of the run, else data.val)");
  auto fused = std::make_shared<bool>(false);
  command->add_flag("--fused", *fused, "model_fused.pt instead, which calls our kernels: libtev_kernels.so has to be loaded first (docs/voxels.md)");
  command->footer(R"text(Writes RUN/export/model.pt (preprocessing inside, loads in plain LibTorch and plain Python), preprocessing.json, parity.json;
with --fused model_fused.pt and parity_fused.json.
Examples:
  tevatrain export runs/pfn
  tevatrain export runs/uresnet --fused
  python -c "import torch; print(torch.jit.load('runs/pfn/export/model.pt').input_names())")text");
  command->callback([run, files, fused, &chosen] {
    chosen = [run, files, fused]() -> int {
      TerminalMessages messages;
      const ExportReport report = export_run(*run, *files, *fused ? ExportForm::fused : ExportForm::portable, messages);
      std::cout << fmt::format("parity: largest difference of probabilities {:.2g} over {} events (limit 1e-6)\nmodel: {}\n",
                               report.max_difference, report.events, report.model.string());
      return exit_done;
    };
  });
}

}  // namespace tev
