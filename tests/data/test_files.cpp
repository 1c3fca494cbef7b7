#include "tests/data/test_files.hpp"

#include "tests/support/temporary_folder.hpp"

#include <cstdlib>

namespace tev::test {

const std::string& test_folder() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    const std::string command = std::string(TEV_PYTHON) + " tests/data/make_test_files.py " + folder.path.string();
    if (std::system(command.c_str()) != 0) throw Error("the test files could not be made: " + command);
    return folder.path.string();
  }();
  return path;
}

std::unique_ptr<Reader> open_file(const std::string& layout, const std::string& path, const std::vector<FieldRequest>& wanted) {
  static CatalogThread thread;
  return open_reader(layout, path, wanted, thread);
}

}  // namespace tev::test
