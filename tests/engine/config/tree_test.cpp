#include "engine/config/tree.hpp"

#include "tests/engine/config/sample_config.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

using test::error_of;

std::string text_error(const std::string& yaml) {
  return error_of<InputError>([&] { read_config_text(yaml, "a.yaml"); });
}

TEST(ConfigTree, RefusesAKeyGivenTwice) {
  EXPECT_EQ(text_error("seed: 1\ntrain:\n  epochs: 1\n  lr: 1\n  epochs: 2\n"),
            "a.yaml:5: train.epochs: given twice (first at a.yaml:3). Keep one of the two.");
  EXPECT_EQ(text_error("train: {a: 1}\nseed: 1\ntrain: {b: 1}\n"),
            "a.yaml:3: train: given twice (first at a.yaml:1). Keep one of the two.");
}

TEST(ConfigTree, NamesTheLineOfASyntaxError) {
  EXPECT_EQ(text_error("seed: 1\ntrain: {epochs: 1\nlr: }}").rfind("a.yaml:3: is not valid YAML (", 0), 0u);
  EXPECT_EQ(text_error("a: [1, 2\n").rfind("a.yaml:2: is not valid YAML (", 0), 0u);
  EXPECT_EQ(text_error("a: *nobody\n").rfind("a.yaml:1: is not valid YAML (", 0), 0u);
}

TEST(ConfigTree, RefusesWhatIsNoConfiguration) {
  EXPECT_EQ(text_error(""), "a.yaml: is empty (sections such as 'data:' and 'model:' were expected).");
  EXPECT_EQ(text_error("- 1\n"), "a.yaml:1: does not hold sections (a YAML map such as 'seed: 1' was expected).");
  EXPECT_EQ(text_error("a: 1\n---\nb: 1\n"), "a.yaml: holds several YAML documents (one was expected). Remove '---'.");
  EXPECT_EQ(text_error("a: &x [*x]\n"), "a.yaml:1: a: nested more than 32 levels deep.");
  EXPECT_EQ(text_error("[1, 2]: 3\n"), "a.yaml:1: a key is not a single word. Write 'key: value'.");
}

TEST(ConfigTree, NamesAFileThatCannotBeRead) {
  EXPECT_EQ(error_of<InputError>([] { read_config_file("no/such.yaml"); }),
            "no/such.yaml: cannot be read (No such file or directory). Give the path of a YAML file.");
  const test::TemporaryFolder folder;
  EXPECT_EQ(error_of<InputError>([&] { read_config_file(folder.path); }),
            folder.path.string() + ": cannot be read (Is a directory). Give the path of a YAML file.");
}

TEST(ConfigTree, ReadsAFileAndTellsTextInQuotes) {
  const test::TemporaryFolder folder;
  const auto path = folder.path / "tree_test.yaml";
  test::put_text(path, "a: &shared [1, '2']\n# comment\nb: *shared\nc: ~\n");
  const ConfigNode node = read_config_file(path);
  ASSERT_EQ(node.entries.size(), 3u);
  EXPECT_EQ(node.find("b")->items.at(1).text, "2");
  EXPECT_TRUE(node.find("b")->items.at(1).quoted);
  EXPECT_FALSE(node.find("a")->items.at(0).quoted);
  EXPECT_EQ(node.find("c")->kind, ConfigNode::Kind::null);
  EXPECT_EQ(node.find("c")->where, path.string() + ":4");
  EXPECT_EQ(node.find("d"), nullptr);
}

}  // namespace
}  // namespace tev
