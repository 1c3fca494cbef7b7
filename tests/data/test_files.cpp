#include "tests/data/test_files.hpp"

#include <cstdlib>
#include <filesystem>

namespace tev::test {
namespace {

struct Folder {
  std::string path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "tev_data_XXXXXX").string();
    path = mkdtemp(name.data());
    const std::string command = std::string(TEV_PYTHON) + " tests/data/make_test_files.py " + path;
    if (std::system(command.c_str()) != 0) throw Error("the test files could not be made: " + command);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

const std::string& test_folder() {
  static const Folder folder;
  return folder.path;
}

}  // namespace tev::test
