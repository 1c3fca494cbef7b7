#include "data/hdf5/file.hpp"

#include "tests/data/test_files.hpp"

#include <filesystem>

namespace tev {
namespace {

using test::file_error;
using test::test_file;

std::string open_error(const std::string& name) {
  return file_error<InputError>([&] { hdf5::File::open(test_file(name)); });
}

TEST(Hdf5File, ListsDatasetsInGroups) {
  const auto file = hdf5::File::open(test_file("compound.h5"));
  EXPECT_EQ(file->dataset_paths(), (std::vector<std::string>{"/jets", "/label", "/tracks"}));
  EXPECT_TRUE(file->has_dataset("jets"));
  EXPECT_TRUE(file->has_dataset("/jets"));
  EXPECT_FALSE(file->has_dataset("/"));
  EXPECT_FALSE(file->has_dataset("no/such/group"));
}

TEST(Hdf5File, ReadsTextAttributes) {
  const auto file = hdf5::File::open(test_file("top_jets.h5"));
  EXPECT_EQ(file->text_attribute("/table/table", "CLASS"), "TABLE");
  EXPECT_EQ(file->text_attribute("/table", "pandas_type"), "frame_table");
  EXPECT_EQ(file->text_attribute("/table/table", "no such"), "");
}

TEST(Hdf5File, MissingFileSaysSo) {
  EXPECT_EQ(open_error("gone.h5"), "gone.h5: no such file (an HDF5 file was expected). Check the path.");
}

TEST(Hdf5File, FolderSaysSo) {
  std::filesystem::create_directory(test_file("folder"));
  EXPECT_EQ(open_error("folder"),
            "folder: is a folder (an HDF5 file was expected). Name the files in it, e.g. folder/*.h5.");
}

TEST(Hdf5File, EmptyFileSaysSo) {
  EXPECT_EQ(open_error("empty.h5"), "empty.h5: is empty (an HDF5 file was expected). Copy or make it again.");
}

TEST(Hdf5File, TextFileIsNotHdf5) {
  EXPECT_EQ(
      open_error("text.h5"),
      "text.h5: is not an HDF5 file (it does not begin with the HDF5 signature). Convert it, or name another file.");
}

TEST(Hdf5File, TruncatedFileGivesBothLengths) {
  const auto whole = std::filesystem::file_size(test_file("dense.h5"));
  EXPECT_EQ(open_error("truncated.h5"),
            c10::str("truncated.h5: is truncated: ", whole / 2, " bytes (its header says ", whole,
                     ": an incomplete copy or a writer that was stopped). Copy or make it again."));
}

TEST(Hdf5File, PrintsNothingItself) {
  testing::internal::CaptureStderr();
  open_error("truncated.h5");
  hdf5::File::open(test_file("dense.h5"))->has_dataset("no/such/group");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace tev
