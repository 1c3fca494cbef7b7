#include "data/catalog/expand_files.hpp"

#include "tests/data/test_files.hpp"

#include <filesystem>

namespace tev {
namespace {

using test::file_error;
using test::test_file;

std::string expand_error(const std::vector<std::string>& patterns) {
  return file_error<InputError>([&] { expand_files(patterns, "data.train"); });
}

TEST(ExpandFiles, GlobsAreInNaturalOrder) {
  EXPECT_EQ(expand_files({test_file("part_[0-9]*.h5")}, "data.train"),
            (std::vector<std::string>{test_file("part_1.h5"), test_file("part_2.h5"), test_file("part_10.h5")}));
}

TEST(ExpandFiles, ListsKeepTheirOrder) {
  EXPECT_EQ(expand_files({test_file("part_2.h5"), test_file("part_1*.h5")}, "data.train"),
            (std::vector<std::string>{test_file("part_2.h5"), test_file("part_1.h5"), test_file("part_10.h5")}));
}

TEST(ExpandFiles, WhatIsNotThereIsNamed) {
  EXPECT_EQ(expand_error({}), "data.train: no file is named (a path, a glob or a list of them was expected). Set it.");
  EXPECT_EQ(expand_error({test_file("gone.h5")}), "data.train: gone.h5: no such file. Check the path.");
  EXPECT_EQ(expand_error({test_file("gone_*.h5")}), "data.train: 'gone_*.h5' matches no file. Check the path.");
}

TEST(ExpandFiles, FoldersAndRepetitionsAreRefused) {
  std::filesystem::create_directory(test_file("folder"));
  EXPECT_EQ(expand_error({test_file("folder")}),
            "data.train: folder: is a folder (files were expected). Write folder/*.h5.");
  EXPECT_EQ(expand_error({test_file("part_1.h5"), test_file("part_*.h5")}),
            "data.train: part_1.h5: is listed twice (every event counts once). Take it out of the list.");
}

}  // namespace
}  // namespace tev
