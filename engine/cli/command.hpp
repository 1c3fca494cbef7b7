#pragma once
// What the commands of `tevatrain` share.

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace tev {

/// Exit codes of the program.
enum ExitCode { exit_done = 0, exit_failure = 1, exit_wrong_input = 2, exit_stopped = 75 };

/// The command that the arguments chose; runs after parsing and returns the exit code.
using Command = std::function<int()>;

/// Each declares its subcommand, which sets `chosen` when it is given.
void add_train(CLI::App& app, Command& chosen, const std::vector<std::string>& command_line);
void add_bench(CLI::App& app, Command& chosen);
void add_check(CLI::App& app, Command& chosen);
void add_evaluate(CLI::App& app, Command& chosen);
void add_predict(CLI::App& app, Command& chosen);
void add_export(CLI::App& app, Command& chosen);
void add_repack(CLI::App& app, Command& chosen);
void add_report(CLI::App& app, Command& chosen);
void add_index(CLI::App& app, Command& chosen);
void add_inspect(CLI::App& app, Command& chosen);
void add_metrics(CLI::App& app, Command& chosen);
void add_schema(CLI::App& app, Command& chosen);

}  // namespace tev
