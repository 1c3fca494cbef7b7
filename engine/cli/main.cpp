// tevatrain: one program for training, evaluation and export. Exceptions become one readable line and an exit code here.

#include "base/check.hpp"
#include "base/names.hpp"
#include "engine/cli/command.hpp"
#include "engine/cli/cpu_allocator.hpp"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace {

constexpr const char* kFooter = R"(Exit codes: 0 done, 1 failure, 2 wrong configuration or input, 75 stopped by request with a checkpoint: run it again.
Examples:
  tevatrain check configs/top/pfn.yaml
  tevatrain train configs/top/pfn.yaml train.epochs=3 --run runs/short
  tevatrain report runs/pfn runs/short
  tevatrain export runs/pfn
`tevatrain COMMAND --help` explains a command.)";

int fail(int code, const std::string& message) {
  std::cerr << "tevatrain: " << message << std::endl;
  return code;
}

/// CLI11 only says that a command is missing.
void check_command_word(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
  const std::string word = argv[1];
  TEV_CHECK_INPUT(std::find(names.begin(), names.end(), word) != names.end(), "'", word, "' is not a command (commands: ",
                  tev::join_names(names), ").", tev::suggest_name(word, names), " `tevatrain --help` explains them.");
}

int run(int argc, char** argv) {
  tev::install_caching_cpu_allocator();
  CLI::App app("Tevatrain: deep-learning training for high-energy physics.", "tevatrain");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", TEV_VERSION);
  tev::Command chosen;
  tev::add_train(app, chosen, {argv, argv + argc});
  tev::add_check(app, chosen);
  tev::add_evaluate(app, chosen);
  tev::add_predict(app, chosen);
  tev::add_export(app, chosen);
  tev::add_report(app, chosen);
  tev::add_inspect(app, chosen);
  tev::add_index(app, chosen);
  tev::add_repack(app, chosen);
  tev::add_bench(app, chosen);
  tev::add_metrics(app, chosen);
  tev::add_schema(app, chosen);
  try {
    check_command_word(app, argc, argv);
    app.parse(argc, argv);
    return chosen();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? tev::exit_done : tev::exit_wrong_input;
  } catch (const tev::InputError& error) {
    return fail(tev::exit_wrong_input, error.what());
  } catch (const c10::Error& error) {
    return fail(tev::exit_failure, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(tev::exit_failure, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int code = run(argc, argv);
#ifdef TEV_DEBUG
  return code;  // leaks are looked for at the exit
#else
  // Everything is closed. The destructors of LibTorch's operator tables would only take time.
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(code);
#endif
}
