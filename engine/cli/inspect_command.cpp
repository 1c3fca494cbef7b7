// tevatrain inspect FILE

#include "data/hdf5/describe.hpp"
#include "engine/cli/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

namespace tev {
namespace {

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

}  // namespace

void add_inspect(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("inspect", "What lies in an HDF5 file: datasets, layout, chunks, filters, columns");
  auto file = std::make_shared<std::string>();
  command->add_option("file", *file, "HDF5 file")->required();
  command->footer("Example:\n  tevatrain inspect datasets/top_jets/train.h5");
  command->callback([file, &chosen] {
    chosen = [file]() -> int {
      for (const auto& dataset : hdf5::describe_file(*file)) print(dataset);
      return exit_done;
    };
  });
}

}  // namespace tev
