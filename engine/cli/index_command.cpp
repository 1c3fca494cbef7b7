// tevatrain index CONFIG: finds out what lies where in all files of a configuration, by several processes.

#include "base/cache_directory.hpp"
#include "base/check.hpp"
#include "data/catalog/catalog.hpp"
#include "data/catalog/expand_files.hpp"
#include "data/readers/plan_cache.hpp"
#include "data/stream/event_source.hpp"
#include "engine/cli/command.hpp"
#include "engine/config/run_config.hpp"
#include "engine/record/terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <iostream>
#include <thread>

namespace tev {
namespace {

struct Request {
  std::string config;
  std::vector<std::string> overrides;
  int64_t jobs = std::max<int64_t>(1, std::thread::hardware_concurrency());
  int64_t part = -1;  ///< of jobs; the files that this process does
};

std::vector<std::string> files_of(const DataConfig& config) {
  std::vector<std::string> files;
  for (const auto& [key, patterns] : {std::pair{"data.train", &config.train}, {"data.val", &config.val}, {"data.test", &config.test},
                                      {"data.files", &config.files}}) {
    if (patterns->empty()) continue;
    const auto found = expand_files(*patterns, key);
    files.insert(files.end(), found.begin(), found.end());
  }
  TEV_CHECK_INPUT(!files.empty(), "data: no file is named. Set data.train, or data.files and data.split.");
  return files;
}

/// One process: a byte on standard output for every file.
int index_part(const Request& request) {
  const DataConfig config = load_run_config(request.config, request.overrides).data;
  const auto files = files_of(config);
  const PlanCache cache(cache_directory() / "index", PlanCache::Keep::all);
  CatalogThread thread;
  std::exception_ptr failure;  // of the first file that fails; the others are indexed all the same
  for (size_t i = static_cast<size_t>(request.part); i < files.size(); i += static_cast<size_t>(request.jobs)) {
    try {
      const auto reader = open_reader(config.reader, files[i], field_requests(config), thread, &cache);
      for (const auto& part : config.label.files.empty() ? reader->parts() : std::vector<std::string>{})
        open_reader(config.reader, part, field_requests(config), thread, &cache);
    } catch (const Error& error) {
      if (config.faults == "skip")
        std::cerr << "tevatrain: left out: " << error.what() << "\n";
      else
        failure = failure ? failure : std::current_exception();
    }
    std::cout.put('.').flush();
  }
  if (failure) std::rethrow_exception(failure);
  return exit_done;
}

/// A running process and what it says.
struct Child {
  pid_t process = 0;
  int output = -1;  ///< -1: it has ended
};

Child start_part(const Request& request, int64_t part) {
  std::vector<std::string> words{"/proc/self/exe", "index", request.config};
  words.insert(words.end(), request.overrides.begin(), request.overrides.end());
  for (const auto& word : {std::string("--jobs"), std::to_string(request.jobs), std::string("--part"), std::to_string(part)}) words.push_back(word);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2];
  TEV_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "index: no pipe can be made (", std::strerror(errno), ").");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  Child child{0, ends[0]};
  const int failed = ::posix_spawn(&child.process, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  TEV_CHECK(failed == 0, "index: no process can be started (", std::strerror(failed), ").");
  return child;
}

/// Bytes that the child has written since; it is closed at its end.
int64_t read_some(Child& child) {
  char bytes[4096];
  const ssize_t got = ::read(child.output, bytes, sizeof(bytes));
  if (got > 0) return got;
  if (got < 0 && errno == EINTR) return 0;
  ::close(child.output);
  child.output = -1;
  return 0;
}

/// @return  the first exit code that is not 0
int wait_for(std::vector<Child>& children, int64_t num_files) {
  TerminalMessages messages;
  int64_t done = 0;
  messages.progress("indexing", done, num_files, "files");
  for (;;) {
    std::vector<pollfd> waiting;
    for (const auto& child : children)
      if (child.output >= 0) waiting.push_back({child.output, POLLIN, 0});
    if (waiting.empty()) break;
    ::poll(waiting.data(), waiting.size(), -1);
    for (auto& child : children)
      if (std::any_of(waiting.begin(), waiting.end(), [&](const pollfd& w) { return w.fd == child.output && w.revents != 0; })) done += read_some(child);
    messages.progress("indexing", done, num_files, "files");
  }
  messages.end_progress("indexing");
  int code = exit_done;
  for (const auto& child : children) {
    int status = 0;
    while (::waitpid(child.process, &status, 0) < 0) TEV_CHECK(errno == EINTR, "index: waiting failed (", std::strerror(errno), ").");
    const int own = WIFEXITED(status) ? WEXITSTATUS(status) : exit_failure;
    code = code == exit_done ? own : code;
  }
  return code;
}

int run(Request request) {
  if (request.part >= 0) return index_part(request);
  const auto begin = std::chrono::steady_clock::now();
  const auto num_files = static_cast<int64_t>(files_of(load_run_config(request.config, request.overrides).data).size());
  request.jobs = std::min(request.jobs, num_files);
  std::vector<Child> children;
  for (int64_t part = 0; part < request.jobs; ++part) children.push_back(start_part(request, part));
  const int code = wait_for(children, num_files);
  if (code == exit_done)
    std::cout << fmt::format("{} file{} indexed by {} process{} in {:.1f} s\n", num_files, num_files == 1 ? "" : "s", request.jobs,
                             request.jobs == 1 ? "" : "es", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return code;
}

}  // namespace

void add_index(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("index", "Find out what lies where in the files of a configuration, by several processes");
  auto request = std::make_shared<Request>();
  command->add_option("config", request->config, "Configuration file")->required();
  command->add_option("overrides", request->overrides, "Changes to it, e.g. data.reader=flat");
  command->add_option("--jobs", request->jobs, "Processes")->check(CLI::Range(1, 1024))->capture_default_str();
  command->add_option("--part", request->part)->group("");
  command->footer("What is found is kept in $TEVATRAIN_CACHE (default ~/.cache/tevatrain), so that training on thousands of files starts at once.\n"
                  "Every command finds it out by itself too, one file after the other, and keeps what took long.\n"
                  "Example:\n  tevatrain index configs/top/pfn.yaml --jobs 16");
  command->callback([request, &chosen] { chosen = [request] { return run(*request); }; });
}

}  // namespace tev
