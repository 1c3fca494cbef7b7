#include "data/readers/pandas_table_reader.hpp"

#include "tests/data/test_files.hpp"

#include <ATen/ops/equal.h>

namespace tev {
namespace {

using namespace test;  // the files and the requests of tests/data/test_files.hpp

TEST(PandasTable, ReadsBlocksThatPandasWroteWithBlosc) {
  const auto reader = open_test_file("pandas_table", "top_jets.h5", {request("values_block_0", As::float32, {}, 0, 800),
                                                                   request("values_block_1", As::int64, {}, 1, 2)});
  EXPECT_EQ(reader->num_events(), kRows);
  const auto unit = reader->units().at(0);
  EXPECT_EQ(unit.stored_bytes, unit.num_events * (804 * 4 + 2 * 8));
  EXPECT_EQ(reader->widths(), (std::vector<int64_t>{800, 1}));
  const auto tensors = values_of(*reader, 90, 200);
  ASSERT_EQ(tensors[0].sizes(), (c10::IntArrayRef{200, 800}));
  ASSERT_EQ(tensors[1].sizes(), (c10::IntArrayRef{200, 1}));
  const float* values = tensors[0].const_data_ptr<float>();
  const int64_t* labels = tensors[1].const_data_ptr<int64_t>();
  for (int64_t i = 0; i < 200; ++i) {
    for (int64_t j = 0; j < 800; ++j) ASSERT_EQ(values[i * 800 + j], static_cast<float>(value(90 + i, j)));
    ASSERT_EQ(labels[i], (90 + i) % 2);
  }
}

TEST(PandasTable, SameBlockServesSeveralRequests) {
  const auto reader = open_test_file("pandas_table", "top_jets.h5", {request("values_block_1", As::int64, {}, 0, 1),
                                                                   request("values_block_1", As::float32, {}, 1, 2),
                                                                   request("values_block_1", As::int64)});
  const auto tensors = values_of(*reader, 0, 6);
  EXPECT_EQ(reader->units().at(0).stored_bytes, kRows * 2 * 8);
  EXPECT_EQ(tensors[0].const_data_ptr<int64_t>()[5], 2);
  EXPECT_EQ(tensors[1].const_data_ptr<float>()[5], 1.0f);
  EXPECT_EQ(tensors[2].const_data_ptr<int64_t>()[11], 1);
}

TEST(PandasTable, FindsTheOnlyTableUnderAnotherKey) {
  const auto reader =
      open_test_file("pandas_table", "other_key.h5", {request("pt"), request("good"), request("n", As::int64)});
  const auto tensors = values_of(*reader, 10, 4);
  EXPECT_EQ(tensors[0].const_data_ptr<float>()[3], 13.0f);
  EXPECT_EQ(tensors[1].const_data_ptr<float>()[2], 1.0f);
  EXPECT_EQ(tensors[1].const_data_ptr<float>()[3], 0.0f);
  EXPECT_EQ(tensors[2].const_data_ptr<int64_t>()[0], 10);
}

TEST(PandasTable, SeveralColumnsOfTheTableMakeRows) {
  const auto reader =
      open_test_file("pandas_table", "other_key.h5", {request("table", As::float32, {"n", "pt", "good"})});
  const auto rows = values_of(*reader, 4, 2)[0];
  EXPECT_EQ(std::vector<float>(rows.const_data_ptr<float>(), rows.const_data_ptr<float>() + 6),
            (std::vector<float>{4, 4, 1, 5, 5, 0}));
}

TEST(PandasTable, ReadsNothingAndTheLastPartialChunk) {
  const auto reader = open_test_file("pandas_table", "top_jets.h5", {request("values_block_0")});
  EXPECT_EQ(values_of(*reader, 0, 0)[0].sizes(), (c10::IntArrayRef{0, 804}));
  EXPECT_EQ(values_of(*reader, kRows - 1, 1)[0].const_data_ptr<float>()[803],
            static_cast<float>(value(kRows - 1, 803)));
}

TEST(PandasTable, MisspeltFieldIsSuggested) {
  EXPECT_EQ(open_error("pandas_table", "top_jets.h5", request("values_blok_0")),
            "data.objects.part.field: top_jets.h5 has no field 'values_blok_0' (fields: index, values_block_0, "
            "values_block_1). "
            "Did you mean 'values_block_0'?");
}

TEST(PandasTable, TextColumnIsRefused) {
  EXPECT_EQ(open_error("pandas_table", "other_key.h5", request("name")),
            "data.objects.part.field: other_key.h5: 'name' is string (numbers were expected). Choose another field.");
}

TEST(PandasTable, RangeBeyondTheBlockIsRefused) {
  EXPECT_EQ(open_error("pandas_table", "top_jets.h5", request("values_block_0", As::float32, {}, 0, 900)),
            "data.objects.part.take: top_jets.h5: 'values_block_0' has 804 values an event, but [0, 900) is asked for "
            "(a half-open "
            "range, counted from 0). Shorten it.");
  EXPECT_EQ(open_error("pandas_table", "top_jets.h5", request("values_block_1", As::int64, {}, 2, 3)),
            "data.label.index: top_jets.h5: 'values_block_1' has 2 values an event, but [2, 3) is asked for (a "
            "half-open range, "
            "counted from 0). Shorten it.");
}

TEST(PandasTable, FileWithoutTableSaysWhatThereIs) {
  EXPECT_EQ(open_error("pandas_table", "compound.h5", request("pt")),
            "compound.h5: has no pandas table (datasets: /jets, /label, /tracks). Write it with "
            "to_hdf(format='table'), or set "
            "data.reader to dense or compound.");
}

TEST(PandasTable, SeveralTablesAreListed) {
  EXPECT_EQ(
      open_error("pandas_table", "two_tables.h5", request("pt")),
      "two_tables.h5: has several pandas tables: /a/table, /b/table (one was expected). Use the reader compound, whose "
      "fields are paths, or one file a table.");
}

TEST(PandasTable, ColumnsNeedTheTableAsField) {
  EXPECT_EQ(open_error("pandas_table", "other_key.h5", request("jet", As::float32, {"pt"})),
            "data.objects.part.field: 'jet' is not the table '/events/jets/table' of other_key.h5 whose columns "
            "data.objects.part.columns names. Write 'table'.");
  EXPECT_EQ(open_error("pandas_table", "other_key.h5", request("table", As::float32, {"ptt"})),
            "data.objects.part.columns: other_key.h5: 'table' has no member 'ptt' (members: index, pt, n, good, name). "
            "Did you "
            "mean 'pt'?");
}

}  // namespace
}  // namespace tev
