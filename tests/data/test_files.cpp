#include "tests/data/test_files.hpp"

#include "tests/support/temporary_folder.hpp"

#include <cstdlib>

namespace tev::test {

namespace {

/// Runs a script of this folder that writes files into a folder.
std::string make_files(const std::string& script, const std::string& folder) {
  const std::string command = std::string(TEV_PYTHON) + " tests/data/" + script + " " + folder;
  if (std::system(command.c_str()) != 0) throw Error("the test files could not be made: " + command);
  return folder;
}

}  // namespace

const std::string& test_folder() {
  static const TemporaryFolder folder;
  static const std::string path = make_files("make_test_files.py", folder.path.string());
  return path;
}

const std::string& matrix_folder() {
  static const TemporaryFolder folder;
  static const std::string path = make_files("make_matrix_files.py", folder.path.string()) + "/";
  return path;
}

std::unique_ptr<Reader> open_file(const std::string& layout, const std::string& path, const std::vector<FieldRequest>& wanted) {
  static CatalogThread thread;
  return open_reader(layout, path, wanted, thread);
}

}  // namespace tev::test
