#include "engine/checkpoint/durable_file.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace tev {
namespace {

using test::error_of;
using test::text_of;

using DurableFileTest = test::FolderTest;

TEST_F(DurableFileTest, StampIsTheSameInPiecesAndAtOnceAndSeesEveryBit) {
  DurableFile file(folder / "a");
  file.write("top");
  file.write(" quark");
  const FileStamp stamp = file.finish();
  EXPECT_EQ(stamp, stamp_of("top quark"));
  EXPECT_EQ(stamp.length, 9u);
  EXPECT_NE(stamp.hash, stamp_of("top quarj").hash);
  EXPECT_EQ(text_of(folder / "a"), "top quark");
  // XXH3-128 of nothing, as published with the algorithm: files stay checkable by `xxhsum -H2`.
  EXPECT_EQ(stamp_of("").hash, "99aa06d3014798d86001c324468d497f");
}

TEST_F(DurableFileTest, ReplacingLeavesOneFileWithTheNewText) {
  replace_file(folder / "latest", "step-1\n");
  replace_file(folder / "latest", "step-2\n");
  EXPECT_EQ(read_file(folder / "latest"), "step-2\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(DurableFileTest, ErrorsNameThePathAndTheSystemsReason) {
  const auto missing = folder / "none" / "a";
  EXPECT_EQ(error_of<Error>([&] { DurableFile file(missing); }),
            missing.string() + ": creating the file failed (No such file or directory).");
  EXPECT_EQ(error_of<Error>([&] { read_file(missing); }),
            missing.string() + ": opening failed (No such file or directory).");
  EXPECT_NE(error_of<Error>([&] { read_file(folder); }).find("Is a directory"), std::string::npos);
}

TEST_F(DurableFileTest, FullDeviceIsReportedWithAdvice) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  DurableFile file("/dev/full");
  EXPECT_EQ(error_of<Error>([&] { file.write("x"); }),
            "/dev/full: writing failed (No space left on device). Free some space there.");
}

}  // namespace
}  // namespace tev
