#include "data/readers/dense_reader.hpp"

#include "tests/data/test_files.hpp"

namespace tev {
namespace {

using namespace test;  // the files and the requests of tests/data/test_files.hpp

std::vector<at::Tensor> read(const std::vector<FieldRequest>& wanted, int64_t first, int64_t n) {
  return values_of(*open_test_file("dense", "dense.h5", wanted), first, n);
}

void expect_values(const at::Tensor& rows, int64_t first, int64_t first_column, int64_t modulo = 0) {
  ASSERT_EQ(rows.scalar_type(), at::kFloat);
  for (int64_t i = 0; i < rows.size(0); ++i)
    for (int64_t j = 0; j < rows.size(1); ++j) {
      const auto expected = static_cast<int64_t>(value(first + i, first_column + j));
      ASSERT_EQ(rows.const_data_ptr<float>()[i * rows.size(1) + j],
                static_cast<float>(modulo ? expected % modulo : expected));
    }
}

TEST(Dense, ReadsGzipShuffledChunks) { expect_values(read({request("x")}, 60, 300)[0], 60, 0); }

TEST(Dense, FlattensDimensionsWithinAnEvent) {
  const auto cells = read({request("showers/cells")}, 99, 3)[0];
  ASSERT_EQ(cells.sizes(), (c10::IntArrayRef{3, 12}));
  expect_values(cells, 99, 0);
}

TEST(Dense, TakesARangeOfAnEvent) {
  const auto cells = read({request("/showers/cells", As::float32, {}, 3, 9)}, 10, 5)[0];
  ASSERT_EQ(cells.sizes(), (c10::IntArrayRef{5, 6}));
  expect_values(cells, 10, 3);
}

TEST(Dense, ConvertsBigEndianAndHalf) {
  const auto tensors = read({request("big_endian"), request("half")}, 120, 20);
  expect_values(tensors[0], 120, 0);
  expect_values(tensors[1], 120, 0, 1024);
}

TEST(Dense, ConvertsEveryIntegerTypeToBoth) {
  for (const std::string type : {"i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4"}) {
    const auto tensors = read({request("int/" + type), request("int/" + type, As::int64)}, 0, 30);
    for (int64_t i = 0; i < 30; ++i) {
      ASSERT_EQ(tensors[0].const_data_ptr<float>()[i], static_cast<float>(100 * i % 100)) << type;
      ASSERT_EQ(tensors[1].const_data_ptr<int64_t>()[i], 100 * i % 100) << type;
    }
  }
}

TEST(Dense, BoolIsZeroOrOne) {
  const auto tensors = read({request("flag"), request("flag", As::int64)}, 0, 4);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(tensors[0].const_data_ptr<float>()[i], i % 3 == 0 ? 1.0f : 0.0f);
    EXPECT_EQ(tensors[1].const_data_ptr<int64_t>()[i], i % 3 == 0 ? 1 : 0);
  }
}

TEST(Dense, RowsOfVariableLengthComeWithOffsets) {
  const auto read = open_test_file("dense", "dense.h5", {request("ragged")})->read(10, 5)[0];
  const auto* offset = read.offsets.const_data_ptr<int64_t>();
  ASSERT_EQ(read.offsets.numel(), 6);
  for (int64_t i = 0; i < 5; ++i) {
    ASSERT_EQ(offset[i + 1] - offset[i], (10 + i) % 7 * 2);
    for (int64_t k = offset[i]; k < offset[i + 1]; ++k)
      ASSERT_EQ(read.values.const_data_ptr<float>()[k], static_cast<float>(value(10 + i, k - offset[i])));
  }
}

TEST(Dense, LabelThatIsNoIntegerIsRefused) {
  const auto reader = open_test_file("dense", "dense.h5", {request("fraction", As::int64)});
  EXPECT_EQ(
      file_error<InputError>([&] { values_of(*reader, 4, 4); }),
      "data.label.field: dense.h5: 'fraction' of event 5 is not an integer (stored as float64). Choose another field.");
  EXPECT_EQ(
      file_error<InputError>([] { read({request("huge", As::int64)}, 0, 1); }),
      "data.label.field: dense.h5: 'huge' of event 0 is beyond int64 (stored as uint64; 2^63 - 1 is the largest that is read). Choose another field.");
}

TEST(Dense, UnitsCountWhatIsNeeded) {
  const auto reader =
      open_test_file("dense", "dense.h5", {request("x"), request("showers/cells"), request("big_endian")});
  const auto units = reader->units();
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].num_events, kRows);
  EXPECT_EQ(units[0].stored_bytes, kRows * (5 * 4 + 12 * 8 + 2 * 4));
  EXPECT_EQ(units[0].num_values, kRows * (5 + 12 + 2));
}

TEST(Dense, MissingDatasetIsSuggested) {
  EXPECT_EQ(open_error("dense", "dense.h5", request("shower/cells")),
            "data.objects.part.field: dense.h5 has no field 'shower/cells' (fields: big_endian, flag, fraction, half, "
            "huge, int/>i4, "
            "int/i1, int/i2, int/i4, int/i8, int/u1, int/u2, ... (21 in all)). Did you mean 'showers/cells'?");
}

TEST(Dense, TypesThatAreNoNumbersAreRefused) {
  EXPECT_EQ(open_error("dense", "dense.h5", request("name")),
            "data.objects.part.field: dense.h5: 'name' is string (numbers were expected). Choose another field.");
  EXPECT_EQ(open_error("dense", "dense.h5", request("texts")),
            "data.objects.part.field: dense.h5: 'texts' is string (numbers were expected). Choose another field.");
}

TEST(Dense, DatasetsOfDifferentLengthAreRefused) {
  EXPECT_EQ(file_error<InputError>([] {
              open_test_file("dense", "dense.h5", {request("x"), request("short")});
            }),
            "dense.h5: '/short' has 999 rows, but '/x' has 1000 (every field has one row an event). Read fields that "
            "belong together.");
}

TEST(Dense, MembersAreRefused) {
  EXPECT_EQ(open_error("dense", "dense.h5", request("x", As::float32, {"pt"})),
            "data.objects.part.columns: the reader 'dense' has no members to choose (its fields are plain datasets). "
            "Leave the key "
            "out, or set data.reader to compound.");
}

TEST(Dense, CompoundDatasetNamesItsMembers) {
  EXPECT_EQ(file_error<InputError>([] { open_test_file("dense", "compound.h5", {request("tracks")}); }),
            "data.objects.part.field: compound.h5: 'tracks' is compound (members: d0, z0, hits, valid). Name those to "
            "read in "
            "data.objects.part.columns.");
}

TEST(Dense, ALightDatasetInOneHugeChunkDoesNotMakeOneUnit) {
  const auto reader = open_test_file("dense", "huge_label.h5", {request("x"), request("label", As::int64)});
  ASSERT_GT(reader->units().size(), 10u);
  for (const auto& unit : reader->units()) {
    EXPECT_EQ(unit.first_event % 64, 0);
    EXPECT_LE(unit.stored_bytes, int64_t{4} << 20);
  }
}

TEST(Dense, RowsOfVariableLengthAreCutByWhatTheyHold) {
  const auto reader = open_test_file("dense", "long_rows.h5", {request("ragged")});
  int64_t next = 0;
  for (const auto& unit : reader->units()) {
    ASSERT_EQ(unit.first_event, next);
    next += unit.num_events;
    const auto values = reader->read(unit.first_event, unit.num_events)[0].values;
    EXPECT_EQ(unit.num_values, values.numel());
    EXPECT_EQ(unit.stored_bytes, values.numel() * 4);
    EXPECT_TRUE(unit.stored_bytes <= kUnitBytes || unit.num_events == 1);
  }
  EXPECT_EQ(next, 500);
  EXPECT_GT(reader->units().size(), 3u);
}

}  // namespace
}  // namespace tev
