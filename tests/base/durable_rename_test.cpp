#include "base/durable_rename.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace tev {
namespace {

using test::error_of;
using test::put_text;
using test::text_of;

using DurableRenameTest = test::FolderTest;

TEST_F(DurableRenameTest, PutsAFileInPlaceOfAnother) {
  put_text(folder / "new", "top");
  put_text(folder / "old", "QCD");
  sync_file(folder / "new");
  rename_durably(folder / "new", folder / "old");
  EXPECT_EQ(text_of(folder / "old"), "top");
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

TEST_F(DurableRenameTest, ErrorsNameThePathAndTheSystemsReason) {
  const auto missing = folder / "none" / "a";
  EXPECT_EQ(error_of<Error>([&] { sync_file(missing); }), missing.string() + ": opening the file failed (No such file or directory).");
  EXPECT_EQ(error_of<Error>([&] { sync_directory(folder / "none"); }),
            (folder / "none").string() + ": opening the folder failed (No such file or directory).");
  EXPECT_EQ(error_of<Error>([&] { rename_durably(missing, folder / "b"); }),
            (folder / "b").string() + ": renaming a to it failed (No such file or directory).");
  EXPECT_EQ(error_of<Error>([&] { fail_file(folder, "writing", ENOSPC); }),
            folder.string() + ": writing failed (No space left on device). Free some space there.");
}

TEST_F(DurableRenameTest, ADescriptorIsClosedAtTheEndOfItsScope) {
  put_text(folder / "a", "x");
  int number = -1;
  {
    const Descriptor file(folder / "a", O_RDONLY);
    number = file.number();
    ASSERT_GE(number, 0);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
  EXPECT_LT(Descriptor(folder / "b", O_RDONLY).number(), 0);
}

}  // namespace
}  // namespace tev
