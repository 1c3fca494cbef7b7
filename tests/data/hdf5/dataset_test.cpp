#include "data/hdf5/dataset.hpp"

#include "data/hdf5/virtual_parts.hpp"
#include "tests/data/test_files.hpp"

#include <regex>

namespace tev {
namespace {

using test::file_error;
using test::test_file;

hdf5::Dataset open(const std::string& file, const std::string& path) {
  return {hdf5::File::open(test_file(file)), path};
}

TEST(Hdf5Dataset, KnowsRowsChunksAndBytes) {
  const auto cells = open("dense.h5", "showers/cells");
  EXPECT_EQ(cells.path(), "/showers/cells");
  EXPECT_EQ(cells.num_rows(), test::kRows);
  EXPECT_EQ(cells.records_per_row(), 12);
  EXPECT_EQ(cells.chunk_rows(), 100);
  EXPECT_EQ(cells.row_bytes({0}), 12 * 8);
  EXPECT_EQ(open("dense.h5", "big_endian").chunk_rows(), 0);
}

TEST(Hdf5Dataset, ReadsRowsAcrossChunksInNativeOrder) {
  const auto x = open("dense.h5", "x");
  std::vector<float> rows(70 * 5);
  x.read({0}, 30, 70, rows.data());
  for (int64_t i = 0; i < 70; ++i)
    for (int64_t j = 0; j < 5; ++j) ASSERT_EQ(rows[i * 5 + j], test::value(30 + i, j));
}

TEST(Hdf5Dataset, MissingDatasetListsWhatThereIs) {
  EXPECT_EQ(file_error<InputError>([] { open("compound.h5", "jet"); }),
            "compound.h5: has no dataset '/jet' (datasets: /jets, /label, /tracks). Did you mean '/jets'?");
}

TEST(Hdf5Dataset, ScalarDatasetHasNoEvents) {
  EXPECT_EQ(file_error<InputError>([] { open("dense.h5", "one_value"); }),
            "dense.h5: dataset '/one_value' is one value (a row an event was expected). Choose another field.");
}

TEST(Hdf5Dataset, DamagedChunkIsNamed) {
  const auto x = open("bad_chunk.h5", "x");
  std::vector<float> rows(1000 * 5);
  EXPECT_EQ(file_error<Error>([&] { x.read({0}, 0, 1000, rows.data()); }),
            "bad_chunk.h5: dataset '/x', chunk 3 (rows 192 to 255) cannot be read (HDF5: inflate() failed). The file "
            "is damaged "
            "or its disk failed: copy or make it again.");
  x.read({0}, 0, 192, rows.data());
  EXPECT_EQ(rows[191 * 5], test::value(191, 0));
}

/// The message of a file whose format the library does not know, without the version of the library.
template <class Call>
std::string format_error(Call&& call) {
  return std::regex_replace(file_error<InputError>(call), std::regex("program's [0-9]+[.][0-9]+[.][0-9]+ "), "program's ");
}

TEST(Hdf5Dataset, ANewerFormatIsNamedWithItsRemedy) {
  const auto message = [](const std::string& where, const std::string& structure) {
    return where + ": is written for a newer HDF5 library than this program's (HDF5: bad version number for " + structure +
           "; a damaged file can look like this too). Write its values anew, in h5py with libver=('earliest', 'v110').";
  };
  EXPECT_EQ(format_error([] { open("newer.h5", "x"); }), message("newer.h5: dataset '/x'", "layout message"));
  EXPECT_EQ(format_error([] { open("newer.h5", "jets"); }), message("newer.h5: dataset '/jets'", "datatype message"));
  EXPECT_EQ(format_error([] { open("newer_virtual.h5", "x"); }), message("newer_virtual.h5: dataset '/x'", "hyperslab selection"));
  EXPECT_EQ(format_error([] { hdf5::virtual_parts(open("newer_part.h5", "x")); }), message("newer.h5: dataset 'x'", "layout message"));
}

TEST(Hdf5Dataset, FilterWithoutPluginIsNamed) {
  const std::string text = file_error<InputError>([] { open("unknown_filter.h5", "x"); });
  EXPECT_EQ(
      text.find(
          "unknown_filter.h5: dataset '/x' is compressed with the filter number 32408 (32408), for which there is no "
          "plugin (searched: "),
      0u)
      << text;
  EXPECT_NE(text.find("Install it (pip install hdf5plugin) and set TEVATRAIN_PLUGINS to its plugins folder."),
            text.npos)
      << text;
}

}  // namespace
}  // namespace tev
