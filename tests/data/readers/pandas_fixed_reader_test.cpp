#include "data/readers/pandas_fixed_reader.hpp"

#include "tests/data/test_files.hpp"

namespace tev {
namespace {

using namespace test;  // the files and the requests of tests/data/test_files.hpp

TEST(PandasFixed, ColumnsOfSeveralBlocksLieSideBySide) {
  const auto reader = open_test_file("pandas_fixed", "fixed.h5", {request("jets", As::float32, {"mass", "eta", "n", "pt"}), request("label", As::int64)});
  EXPECT_EQ(reader->num_events(), kRows);
  EXPECT_EQ(reader->widths(), (std::vector<int64_t>{4, 1}));
  const auto read = values_of(*reader, 300, 50);
  for (int64_t i = 0; i < 50; ++i) {
    const float* row = read[0].const_data_ptr<float>() + 4 * i;
    const auto event = static_cast<float>(300 + i);
    EXPECT_EQ(std::vector<float>(row, row + 4), (std::vector<float>{event * 2.5f, event / 8, static_cast<float>((300 + i) % 7), event}));
    EXPECT_EQ(read[1].const_data_ptr<int64_t>()[i], (300 + i) % 2);
  }
}

TEST(PandasFixed, ABlockIsReadWhole) {
  const auto reader = open_test_file("pandas_fixed", "olympics.h5", {request("block0_values", As::float32, {}, 0, 21), request("21", As::stored)});
  const auto read = values_of(*reader, 990, 10);
  for (int64_t i = 0; i < 10; ++i) {
    for (int64_t k = 0; k < 21; ++k) ASSERT_EQ(read[0].const_data_ptr<float>()[21 * i + k], static_cast<float>(value(990 + i, k)));
    ASSERT_EQ(read[1].const_data_ptr<double>()[i], value(990 + i, 21));
  }
}

TEST(PandasFixed, WrongNamesAreSuggested) {
  EXPECT_EQ(open_error("pandas_fixed", "fixed.h5", request("labl")),
            "data.objects.part.field: fixed.h5 has no field 'labl' (fields: pt, eta, n, label, mass). Did you mean 'label'?");
  EXPECT_EQ(open_error("pandas_fixed", "fixed.h5", request("jets", As::float32, {"ptt"})),
            "data.objects.part.columns: fixed.h5: 'jets' has no column 'ptt' (columns: pt, eta, n, label, mass). Did you mean 'pt'?");
  EXPECT_EQ(open_error("pandas_fixed", "fixed.h5", request("jet", As::float32, {"pt"})),
            "data.objects.part.field: 'jet' is not the frame 'jets' of fixed.h5 whose columns data.objects.part.columns names. Write 'jets'.");
}

TEST(PandasFixed, FilesWithoutOneFrameAreRefused) {
  EXPECT_EQ(open_error("pandas_fixed", "two_frames.h5", request("pt")),
            "two_frames.h5: has several pandas frames: /a, /b (one was expected). Use the reader dense, whose fields are paths, or one file a "
            "frame.");
  EXPECT_EQ(open_error("pandas_fixed", "top_jets.h5", request("pt")).find("top_jets.h5: has no pandas frame of the format 'fixed' (datasets: "), 0u);
}

TEST(PandasFixed, NamesThatDoNotFitTheColumnsAreRefused) {
  EXPECT_EQ(open_error("pandas_fixed", "same_names.h5", request("pt")),
            "same_names.h5: '/jets' has two columns 'pt' (names that differ were expected). Use the reader dense, whose fields are the blocks.");
  EXPECT_EQ(open_error("pandas_fixed", "more_names.h5", request("phi")),
            "data.objects.part.field: more_names.h5: '/jets/block0_values' has 2 columns, fewer than names for them (the file is damaged). Copy or "
            "make it again.");
}

}  // namespace
}  // namespace tev
