#include "data/write/output_file.hpp"

#include "base/check.hpp"
#include "data/write/h5_writer.hpp"
#include "tests/data/test_files.hpp"

#include <ATen/ops/rand.h>

#include <filesystem>
#include <fstream>

namespace tev {
namespace {

using test::test_file;

std::string file_with(const std::string& name, const std::vector<std::string>& datasets) {
  const std::string path = test_file(name);
  H5Writer writer(path);
  for (const auto& dataset : datasets) writer.append(dataset, at::rand({10}));
  writer.close();
  return path;
}

std::string refusal(const std::string& path, const std::vector<std::string>& inputs = {}) {
  return test::error_of<InputError>([&] { check_output("--out", path, inputs, {"scores", "label"}); });
}

TEST(OutputFile, ANewNameAndAnEarlierOutputAreAllowed) {
  EXPECT_NO_THROW(check_output("--out", test_file("no_such_output.h5"), {test_file("gone.h5")}, {"scores"}));
  EXPECT_NO_THROW(check_output("--out", file_with("earlier.h5", {"scores", "label", "pt"}), {test_file("gone.h5")}, {"scores", "label"}));
}

TEST(OutputFile, AnInputIsRefusedByWhateverName) {
  const std::string input = file_with("scored.h5", {"scores", "label"}), link = test_file("scored_link.h5");
  std::filesystem::remove(link);
  std::filesystem::create_symlink(input, link);
  for (const auto& path : {input, link}) EXPECT_EQ(refusal(path, {test_file("gone.h5"), input}).find("--out: " + path + " is one of the files that are read"), 0);
}

TEST(OutputFile, WhatIsNoEarlierOutputIsRefused) {
  const std::string text = test_file("notes.txt");
  std::ofstream(text) << "notes\n";
  for (const auto& path : {file_with("jets_only.h5", {"label", "pt"}), text, std::filesystem::temp_directory_path().string()})
    EXPECT_EQ(refusal(path).find("--out: " + path + " is there already and was not written by this command (which writes scores, label)"), 0) << refusal(path);
}

}  // namespace
}  // namespace tev
