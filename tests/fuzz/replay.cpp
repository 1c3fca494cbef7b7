// Runs a target on files, once each: fuzz_<target> FILE_OR_FOLDER...

#include "tests/fuzz/fuzz_bytes.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

void run(const std::filesystem::path& path) {
  std::printf("%s\n", path.c_str());
  std::ifstream file(path, std::ios::binary);
  tev::fuzz::require(file.is_open(), "that the input can be read");
  const std::vector<char> input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  int inputs = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      run(argv[i]), ++inputs;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) run(entry.path()), ++inputs;
  }
  tev::fuzz::require(inputs > 0, "that there is an input");
  std::printf("%d inputs\n", inputs);
}
