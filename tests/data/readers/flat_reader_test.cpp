#include "data/readers/flat_reader.hpp"

#include "tests/data/test_files.hpp"

#include <ATen/ops/equal.h>

namespace tev {
namespace {

using namespace test;  // the files and the requests of tests/data/test_files.hpp

int64_t count_of(int64_t event) { return event == 17 ? 3000 : event * 7 % 30; }

FieldRequest flat(const std::string& field, RowsKind kind, const std::string& rows, std::vector<std::string> columns = {}) {
  FieldRequest wanted = request(field, As::float32, std::move(columns));
  wanted.rows_kind = kind;
  wanted.rows = rows;
  return wanted;
}

std::unique_ptr<Reader> open(const std::vector<FieldRequest>& wanted) { return open_test_file("flat", "flat.h5", wanted); }

/// Calls check(event, row of the event, row of all events, its values).
template <class Check>
void for_each_row(const FieldValues& read, int64_t first_event, Check&& check) {
  int64_t before = 0;
  for (int64_t event = 0; event < first_event; ++event) before += count_of(event);
  const auto* offset = read.offsets.const_data_ptr<int64_t>();
  for (int64_t i = 0; i + 1 < read.offsets.numel(); ++i) {
    ASSERT_EQ(offset[i + 1] - offset[i], count_of(first_event + i)) << first_event + i;
    for (int64_t row = offset[i]; row < offset[i + 1]; ++row)
      check(first_event + i, row - offset[i], before + row, read.values.const_data_ptr<float>() + row * read.values.size(1));
  }
}

TEST(Flat, ExtentsOfRecords) {
  const auto reader = open({flat("voxels/voxels", RowsKind::extents, "voxels/extents", {"value", "id"})});
  for (const auto& [first, num] : std::vector<std::pair<int64_t, int64_t>>{{0, kRows}, {15, 4}, {17, 1}, {kRows - 1, 1}, {30, 0}})
    for_each_row(reader->read(first, num)[0], first, [](int64_t event, int64_t, int64_t row, const float* values) {
      ASSERT_EQ(values[0], static_cast<float>(event) / 4);
      ASSERT_EQ(values[1], static_cast<float>(row));
    });
}

TEST(Flat, OffsetsWithAndWithoutTheEnd) {
  const auto reader = open({flat("pfcs", RowsKind::offsets, "pfcs_index"), request("label")});
  const auto without = open({request("label"), flat("pfcs", RowsKind::offsets, "pfcs_first")});
  EXPECT_EQ(reader->num_events(), kRows);
  EXPECT_EQ(without->num_events(), kRows);
  const auto check = [](int64_t, int64_t, int64_t row, const float* values) {
    for (int64_t k = 0; k < 3; ++k) ASSERT_EQ(values[k], static_cast<float>(value(row, k)));
  };
  for_each_row(reader->read(10, 500)[0], 10, check);
  for_each_row(without->read(900, 100)[1], 900, check);
}

TEST(Flat, CountsAndPairsOfEventAndCount) {
  for (const std::string counts : {"hit/counts", "hit/event_id.seq_cnt"}) {
    const auto reader = open({request("label"), flat("hit", RowsKind::counts, counts, {"plane", "integral"})});
    for_each_row(reader->read(3, 400)[1], 3, [](int64_t event, int64_t, int64_t row, const float* values) {
      ASSERT_EQ(values[0], static_cast<float>(event % 3));
      ASSERT_EQ(values[1], static_cast<float>(row));
    });
  }
}

TEST(Flat, ColumnsOfAGroupWithItsOwnExtents) {
  const auto reader = open({request("part", As::float32, {"pt", "index"}), request("label", As::int64)});
  EXPECT_EQ(reader->widths(), (std::vector<int64_t>{2, 1}));
  for_each_row(reader->read(0, kRows)[0], 0, [](int64_t event, int64_t, int64_t row, const float* values) {
    ASSERT_EQ(values[0], static_cast<float>(event) + 0.5f);
    ASSERT_EQ(values[1], static_cast<float>(row));
  });
  const auto vectors = open({request("part", As::float32, {"p3"})});
  for_each_row(vectors->read(16, 5)[0], 16, [](int64_t, int64_t, int64_t row, const float* values) {
    for (int64_t k = 0; k < 3; ++k) ASSERT_EQ(values[k], static_cast<float>(value(row, k)));
  });
}

TEST(Flat, ColumnsOfAGroupWithItsOwnOffsets) {
  const auto reader = open({request("own", As::float32, {"row"})});
  for_each_row(reader->read(0, kRows)[0], 0, [](int64_t, int64_t, int64_t row, const float* values) { ASSERT_EQ(values[0], static_cast<float>(row)); });
}

TEST(Flat, UnitsGiveEveryEventOnce) {
  for (const std::string rows : {"rows", "plain"}) {
    const auto reader = open_test_file("flat", "many_flat.h5", {flat(rows, RowsKind::offsets, "offsets"), request("counts", As::int64)});
    const auto whole = reader->read(0, reader->num_events());
    const auto* offset = whole[0].offsets.const_data_ptr<int64_t>();
    EXPECT_GT(reader->units().size(), 3u) << rows;
    int64_t next = 0, bytes = 0;
    for (const auto& unit : reader->units()) {
      EXPECT_EQ(unit.first_event, next);
      next += unit.num_events;
      bytes += unit.stored_bytes;
      const auto part = reader->read(unit.first_event, unit.num_events);
      EXPECT_TRUE(at::equal(part[0].values, whole[0].values.slice(0, offset[unit.first_event], offset[next])));
      EXPECT_EQ(unit.num_values, part[0].values.numel() + part[1].values.numel());
      for (int64_t i = 0; i < unit.num_events; ++i)
        ASSERT_EQ(part[0].offsets.const_data_ptr<int64_t>()[i + 1] - part[0].offsets.const_data_ptr<int64_t>()[i],
                  part[1].values.const_data_ptr<int64_t>()[i]);
    }
    EXPECT_EQ(next, 20000);
    EXPECT_EQ(bytes, offset[20000] * 12 + 20000 * 8);
  }
}

TEST(Flat, ADatasetOfAnotherFileIsReadFromThere) {
  const auto read = values_of(*open_test_file("flat", "linked.h5", {request("far", As::int64), request("near")}), 100, 100)[0];
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(read.const_data_ptr<int64_t>()[i], (100 + i) * 13 % 30);
}

TEST(Flat, FieldsOfTheEventsHaveOneRowEach) {
  FieldRequest label = request("part", As::int64, {"index"});
  label.one_row = true;
  EXPECT_EQ(open_error("flat", "flat.h5", label),
            "data.label.field: flat.h5: 'part' has rows by 'part/extents' (one row an event was expected). Choose a field of the events.");
}

TEST(Flat, RowsThatAreNotThereAreNamed) {
  const std::string text = open_error("flat", "flat.h5", flat("part/pt", RowsKind::extents, "part/bad_extents"));
  EXPECT_EQ(text.find("data.objects.part.extents: flat.h5: 'part/bad_extents' gives event 5 5 rows from row "), 0u) << text;
  EXPECT_NE(open_error("flat", "flat.h5", flat("hit/plane", RowsKind::counts, "hit/bad_counts")).find("'hit/bad_counts' adds up to "), std::string::npos);
  EXPECT_EQ(file_error<InputError>([] { open({request("label"), flat("hit/plane", RowsKind::counts, "hit/unsorted")}); }),
            "data.objects.part.counts: flat.h5: 'hit/unsorted': event 998 stands after event 999 (rising events were expected: their rows lie in "
            "this order). Sort the file.");
  EXPECT_NE(open_error("flat", "flat.h5", flat("hit/plane", RowsKind::offsets, "hit/bad_offsets")).find("'hit/bad_offsets' gives event 0 -"), std::string::npos);
}

TEST(Flat, RowsBeforeTheFirstOffsetAreRefused) {
  EXPECT_EQ(open_error("flat", "flat.h5", flat("hit/plane", RowsKind::offsets, "hit/late_offsets")),
            "data.objects.part.offsets: flat.h5: 'hit/late_offsets' begins with 1 (0 was expected: the rows before would belong to no event). "
            "Begin with 0, or name extents, which may leave rows out.");
}

TEST(Flat, ExtentsBeyondInt64AreNamed) {
  EXPECT_EQ(open_error("flat", "flat.h5", flat("hit/plane", RowsKind::extents, "hit/huge_extents")),
            "data.objects.part.extents: flat.h5: 'hit/huge_extents' of event 3 is beyond int64 (stored as uint64; 2^63 - 1 is the largest that is read). "
            "Choose another field.");
}

TEST(Flat, ExtentsMayLeaveRowsOut) {
  const auto read = open({flat("hit/integral", RowsKind::extents, "hit/late_extents")})->read(0, kRows)[0];
  EXPECT_EQ(read.values.numel(), 2 * kRows);
  EXPECT_EQ(read.values.const_data_ptr<float>()[0], 1);
}

TEST(Flat, WrongNamesAreSuggested) {
  EXPECT_EQ(open_error("flat", "flat.h5", request("part", As::float32, {"ptt"})),
            "data.objects.part.columns: flat.h5: 'part' has no column 'ptt' (columns: bad_extents, extents, index, p3, pt). Did you mean 'pt'?");
  EXPECT_EQ(open_error("flat", "flat.h5", request("part")),
            "data.objects.part.columns: flat.h5: 'part' is a group (columns: bad_extents, extents, index, p3, pt). Name those to read.");
  EXPECT_EQ(open_error("flat", "flat.h5", flat("pfcs", RowsKind::offsets, "pfcs_indx")).find("data.objects.part.offsets: flat.h5 has no dataset 'pfcs_indx' (datasets: "),
            0u);
  EXPECT_EQ(open_error("flat", "flat.h5", flat("pfcs", RowsKind::extents, "pfcs_index")),
            "data.objects.part.extents: flat.h5: 'pfcs_index' has 1 numbers a row (extents are two: first and N). Name another dataset.");
}

}  // namespace
}  // namespace tev
