#include "data/hdf5/describe.hpp"

#include "tests/data/test_files.hpp"

namespace tev {
namespace {

hdf5::DatasetDescription describe(const std::string& file, const std::string& path) {
  for (auto& description : hdf5::describe_file(test::test_file(file)))
    if (description.path == path) return description;
  throw Error("no " + path);
}

TEST(Describe, PandasTableWithItsBlocks) {
  const auto table = describe("top_jets.h5", "/table/table");
  EXPECT_EQ(table.shape, (std::vector<int64_t>{test::kRows}));
  EXPECT_EQ(table.type_text, "compound of 3 members");
  EXPECT_EQ(table.layout, "chunked");
  ASSERT_EQ(table.members.size(), 3u);
  EXPECT_EQ(table.members[1].name, "values_block_0");
  EXPECT_EQ(table.members[1].type_text, "float32[804]");
  EXPECT_EQ(table.members[2].type_text, "int64[2]");
  ASSERT_EQ(table.filters.size(), 1u);
  EXPECT_EQ(table.filters[0], "blosc level 5");
  EXPECT_TRUE(table.readable);
  EXPECT_GT(table.raw_bytes, table.storage_bytes);
  EXPECT_EQ(describe("other_key.h5", "/events/jets/table").filters, (std::vector<std::string>{"blosc level 5 (zstd)"}));
}

TEST(Describe, PlainDataset) {
  const auto x = describe("dense.h5", "/x");
  EXPECT_EQ(x.shape, (std::vector<int64_t>{test::kRows, 5}));
  EXPECT_EQ(x.chunk, (std::vector<int64_t>{64, 5}));
  EXPECT_EQ(x.type_text, "float32");
  EXPECT_EQ(x.filters, (std::vector<std::string>{"shuffle", "gzip level 4"}));
  EXPECT_TRUE(x.members.empty());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(x.attributes, (Pairs{{"unit", "GeV"}, {"range", "0, 1.5"}}));
  EXPECT_EQ(describe("dense.h5", "/flag").type_text, "bool");
  EXPECT_EQ(describe("dense.h5", "/half").type_text, "float16");
  EXPECT_EQ(describe("dense.h5", "/name").type_text, "string");
  EXPECT_EQ(describe("dense.h5", "/big_endian").layout, "contiguous");
}

TEST(Describe, UnreadableFilterIsShownNotThrown) {
  const auto x = describe("unknown_filter.h5", "/x");
  EXPECT_FALSE(x.readable);
  EXPECT_EQ(x.filters, (std::vector<std::string>{"number 32408"}));
}

}  // namespace
}  // namespace tev
