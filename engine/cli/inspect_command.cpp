// tevatrain inspect FILE

#include "base/check.hpp"
#include "data/hdf5/advice.hpp"
#include "engine/cli/command.hpp"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <filesystem>
#include <iostream>

namespace tev {
namespace {

/// A file whose structure takes longer to read is damaged.
constexpr rlim_t kMostSeconds = 120;

void print(const hdf5::DatasetDescription& dataset) {
  std::cout << fmt::format("{}  {} {}\n", dataset.path, dataset.type_text, fmt::format("({})", fmt::join(dataset.shape, ", ")));
  std::cout << "    layout: " << dataset.layout;
  if (!dataset.chunk.empty()) std::cout << fmt::format(", chunks of ({})", fmt::join(dataset.chunk, ", "));
  if (!dataset.filters.empty()) std::cout << fmt::format(", filters {}", fmt::join(dataset.filters, " + "));
  std::cout << fmt::format("; {:.2f} MiB on disk of {:.2f}", dataset.storage_bytes / 1048576.0, dataset.raw_bytes / 1048576.0);
  if (!dataset.readable) std::cout << "; NOT READABLE: a filter has no plugin here";
  std::cout << "\n";
  for (const auto& member : dataset.members) std::cout << fmt::format("    {:<24} {}\n", member.name, member.type_text);
  for (const auto& [name, value] : dataset.attributes) std::cout << fmt::format("    @{} = {}\n", name, value);
}

/// As a shell takes it for one word.
std::string quoted(const std::string& word) {
  const bool plain = word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:+,@%=") == std::string::npos;
  return plain ? word : "'" + word + "'";
}

/// What will be slow, and what to do about it.
void print_advice(const std::string& file, const std::vector<hdf5::DatasetDescription>& datasets) {
  std::string text;
  for (const auto& dataset : datasets)
    for (const auto& reason : hdf5::advice_for(dataset)) text += fmt::format("  {}: {}\n", dataset.path, reason);
  if (text.empty()) return;
  const std::filesystem::path path = file;
  std::cout << "\nslow to read\n" << text << "  Written anew, it is fast:\n    tevatrain repack " << quoted(file) << " "
            << quoted((path.parent_path() / (path.stem().string() + "_fast.h5")).string());
  for (const auto& dataset : datasets)
    if (!dataset.movable) std::cout << " --leave-out " << quoted(dataset.path);
  std::cout << "\n";
}

int inspect_here(const std::string& file) {
  const rlimit limit{kMostSeconds, kMostSeconds};
  ::setrlimit(RLIMIT_CPU, &limit);
  const auto datasets = hdf5::describe_file(file);
  for (const auto& dataset : datasets) print(dataset);
  print_advice(file, datasets);
  return exit_done;
}

/// A damaged file can crash the library: another process opens it.
int inspect_apart(const std::string& file) {
  std::string program = "/proc/self/exe", command = "inspect", here = "--here", path = file;
  char* const arguments[] = {program.data(), command.data(), here.data(), path.data(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ);
  TEV_CHECK(failed == 0, "inspect: no process can be started (", std::strerror(failed), ").");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) TEV_CHECK(errno == EINTR, "inspect: waiting failed (", std::strerror(errno), ").");
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  const bool too_long = WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL;
  throw InputError(c10::str(file, too_long ? ": reading its structure does not end" : ": reading its structure crashes the HDF5 library", " (signal ",
                            WTERMSIG(status), ", ", ::strsignal(WTERMSIG(status)), "). The file is damaged: copy or make it again."));
}

}  // namespace

void add_inspect(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("inspect", "What lies in an HDF5 file: datasets, layout, chunks, filters, columns; what will be slow");
  auto file = std::make_shared<std::string>();
  auto here = std::make_shared<bool>(false);
  command->add_option("file", *file, "HDF5 file")->required();
  command->add_flag("--here", *here, "Open the file in this process, which a damaged one can crash");
  command->footer("Example:\n  tevatrain inspect datasets/top_jets/train.h5");
  command->callback([file, here, &chosen] { chosen = [file, here] { return *here ? inspect_here(*file) : inspect_apart(*file); }; });
}

}  // namespace tev
