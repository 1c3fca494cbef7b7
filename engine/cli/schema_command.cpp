// tevatrain schema

#include "engine/cli/command.hpp"
#include "engine/config/run_config.hpp"

#include <iostream>

namespace tev {

void add_schema(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("schema", "The JSON Schema of configuration files, for editors");
  auto reference = std::make_shared<bool>(false);
  command->add_flag("--reference", *reference, "The reference page docs/configuration.md instead");
  command->footer("Examples:\n  tevatrain schema > tevatrain.schema.json\n  tevatrain schema --reference > docs/configuration.md");
  command->callback([reference, &chosen] {
    chosen = [reference]() -> int {
      std::cout << (*reference ? run_config_reference() : run_config_schema());
      return exit_done;
    };
  });
}

}  // namespace tev
