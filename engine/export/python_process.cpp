#include "engine/export/python_process.hpp"

#include "base/check.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>

extern char** environ;

namespace tev {
namespace {

/// The environment with our package in front of PYTHONPATH.
std::vector<std::string> python_environment() {
  std::vector<std::string> variables;
  std::string path = std::string("PYTHONPATH=") + TEV_PYTHON_PACKAGES;
  for (char** variable = environ; *variable; ++variable) {
    if (std::strncmp(*variable, "PYTHONPATH=", 11) == 0)
      path += ":" + std::string(*variable + 11);
    else
      variables.emplace_back(*variable);
  }
  variables.push_back(path);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

int run_python_module(const std::string& module, const std::vector<std::string>& arguments) {
  const char* given = std::getenv("TEVATRAIN_PYTHON");
  std::vector<std::string> command{given && *given ? given : TEV_PYTHON, "-m", module};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto environment = python_environment();
  const auto argv = pointers(command), envp = pointers(environment);
  pid_t child = 0;
  const int failure = posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), envp.data());
  TEV_CHECK(failure == 0, "python: ", command.front(), " cannot be started (", std::strerror(failure),
            "). Run scripts/setup, or set TEVATRAIN_PYTHON.");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace tev
