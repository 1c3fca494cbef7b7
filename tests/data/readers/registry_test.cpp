#include "data/readers/registry.hpp"

#include "data/data_config.hpp"
#include "tests/data/test_files.hpp"

#include <algorithm>
#include <filesystem>

namespace tev {
namespace {

TEST(ReaderRegistry, UnknownLayoutListsTheKnownOnes) {
  EXPECT_EQ(
      test::file_error<InputError>([] { CatalogThread thread; open_reader("panda_table", "x.h5", {}, thread); }),
      "data.reader: unknown layout 'panda_table' (known: compound, dense, flat, pandas_fixed, pandas_table). Did you mean 'pandas_table'?");
}

TEST(ReaderRegistry, EveryLayoutHasItsFilesAndIsAConfigurationChoice) {
  DataConfig config;
  Fields fields = Fields::of(config);
  std::vector<std::string> choices = fields.list().front().choices;
  std::sort(choices.begin(), choices.end());
  EXPECT_EQ(choices, reader_names());
  for (const auto& name : reader_names())
    for (const auto& path : {"data/readers/" + name + "_reader.hpp", "data/readers/" + name + "_reader.cpp",
                             "tests/data/readers/" + name + "_reader_test.cpp"})
      EXPECT_TRUE(std::filesystem::exists(path)) << path;
}

}  // namespace
}  // namespace tev
