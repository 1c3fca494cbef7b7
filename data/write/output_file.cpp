#include "data/write/output_file.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/hdf5/file.hpp"

#include <algorithm>
#include <filesystem>

namespace tev {
namespace {

namespace fs = std::filesystem;

bool holds(const std::string& path, const std::vector<std::string>& datasets) {
  try {
    const auto file = hdf5::File::open(path);
    return std::all_of(datasets.begin(), datasets.end(), [&file](const auto& dataset) { return file->has_dataset(dataset); });
  } catch (const InputError&) {
    return false;  // no HDF5 file
  }
}

}  // namespace

void check_apart(const std::string& where, const std::string& path, const std::vector<std::string>& inputs) {
  std::error_code code;  // of a file that is not there, which is told elsewhere
  for (const auto& input : inputs)
    TEV_CHECK_INPUT(!fs::equivalent(input, path, code), where, ": ", path, " is one of the files that are read (it would be replaced). Name another file.");
}

void check_output(const std::string& option, const std::string& path, const std::vector<std::string>& inputs, const std::vector<std::string>& datasets) {
  if (fs::symlink_status(path).type() == fs::file_type::not_found) return;
  check_apart(option, path, inputs);
  TEV_CHECK_INPUT(holds(path, datasets), option, ": ", path, " is there already and was not written by this command (which writes ", join_names(datasets),
                  "). Name another file, or remove it.");
}

}  // namespace tev
