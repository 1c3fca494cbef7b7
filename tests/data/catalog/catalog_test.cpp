#include "data/catalog/catalog.hpp"

#include "tests/data/test_files.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <atomic>
#include <filesystem>
#include <iterator>
#include <thread>

namespace tev {
namespace {

using test::file_error;
using test::request;
using test::test_file;

std::shared_ptr<Catalog> open_parts(CatalogThread& thread, const std::string& last = "part_10.h5") {
  return Catalog::open("dense", {test_file("part_1.h5"), test_file("part_2.h5"), test_file(last)}, {request("x")},
                       thread);
}

TEST(Catalog, NumbersEventsAcrossFilesInOrder) {
  CatalogThread thread;
  const auto catalog = open_parts(thread);
  EXPECT_EQ(catalog->num_events(), 800);
  EXPECT_EQ(catalog->file_paths().size(), 3u);
  EXPECT_EQ(catalog->widths(), (std::vector<int64_t>{4}));
  int64_t next = 0, rows = 0;
  for (size_t unit = 0; unit < catalog->units().size(); ++unit) {
    EXPECT_EQ(catalog->first_sample_id(unit), next);
    const auto x = catalog->read(unit)[0].values;
    ASSERT_EQ(x.size(0), catalog->units()[unit].num_events);
    for (int64_t i = 0; i < x.size(0); ++i, ++rows)
      ASSERT_EQ(x.const_data_ptr<float>()[i * 4], static_cast<float>(test::value(rows, 0)));
    next += x.size(0);
  }
  EXPECT_EQ(next, 800);
}

/// Catalog of a virtual file, other options aside.
std::shared_ptr<Catalog> open_virtual(CatalogThread& thread, const std::string& name, const std::vector<std::string>& fields,
                                      bool open_parts = true) {
  std::vector<FieldRequest> requests;
  for (const auto& field : fields) requests.push_back(request(field));
  return Catalog::open("dense", {test_file("virtual_" + name + ".h5")}, requests, thread, {nullptr, false, open_parts, {}});
}

/// All rows of a catalog's request.
at::Tensor all_rows(Catalog& catalog, size_t which) {
  std::vector<at::Tensor> pieces;
  for (size_t unit = 0; unit < catalog.units().size(); ++unit) pieces.push_back(catalog.read(static_cast<int64_t>(unit))[which].values);
  return at::cat(pieces);
}

TEST(Catalog, FilesBehindAVirtualOneAreReadInItsPlace) {
  CatalogThread thread;
  const auto catalog = open_virtual(thread, "whole", {"x", "y"});
  EXPECT_EQ(catalog->file_paths().size(), 2u);
  EXPECT_EQ(std::filesystem::path(catalog->file_path(0)).filename(), "pair_1.h5");
  EXPECT_EQ(std::filesystem::path(catalog->file_path(1)).filename(), "pair_2.h5");
  EXPECT_EQ(catalog->library_reads(), "");
  const auto as_it_is = open_virtual(thread, "whole", {"x", "y"}, false);
  EXPECT_EQ(as_it_is->file_paths().size(), 1u);
  EXPECT_NE(as_it_is->library_reads().find("'/x' (a virtual dataset)"), std::string::npos);
  for (const size_t which : {0, 1}) {
    const at::Tensor rows = all_rows(*catalog, which);
    EXPECT_EQ(rows.size(0), 600);
    EXPECT_TRUE(at::equal(rows, all_rows(*as_it_is, which)));
    EXPECT_EQ(rows[299][3].item<float>(), (which == 0 ? 1 : -1) * static_cast<float>(test::value(299, 3)));
  }
}

TEST(Catalog, OtherVirtualFilesAreLeftToTheLibrary) {
  CatalogThread thread;
  for (const auto& [name, num_rows] : std::vector<std::pair<std::string, int64_t>>{
           {"crossed", 600}, {"renamed", 600}, {"partial", 500}, {"head", 500}, {"grown", 500}, {"gap", 310}, {"narrow", 300}, {"retyped", 300}, {"doubled", 600},
           {"blocks", 300}, {"hole", 600}, {"ends", 300}}) {
    const auto catalog = open_virtual(thread, name, name == "crossed" ? std::vector<std::string>{"x", "y"} : std::vector<std::string>{"x"});
    EXPECT_EQ(catalog->file_paths().size(), 1u) << name;
    EXPECT_NE(catalog->library_reads(), "") << name;
    const at::Tensor x = all_rows(*catalog, 0);
    EXPECT_EQ(x[0][1].item<float>(), name == "gap" ? 7 : static_cast<float>(test::value(name == "partial" ? 100 : 0, 1))) << name;
    EXPECT_EQ(x.sizes(), (std::vector<int64_t>{num_rows, 4})) << name;
  }
}

TEST(Catalog, AVirtualDatasetOfSingleValuesIsLeftToTheLibrary) {
  CatalogThread thread;
  const auto catalog = open_virtual(thread, "values", {"x"});
  EXPECT_NE(catalog->library_reads(), "");
  EXPECT_TRUE(at::equal(all_rows(*catalog, 0).flatten(), at::tensor({7.0f, 8.0f})));
}

TEST(Catalog, VirtualFilesThatDoNotFitTheOnesBehindThemAreRefused) {
  CatalogThread thread;
  EXPECT_EQ(file_error<InputError>([&] { open_virtual(thread, "missing", {"x"}); }),
            "virtual_missing.h5: virtual dataset '/x': the file 'gone.h5' behind it is missing (the HDF5 library would give fill values in its place). "
            "Bring it back, or make the virtual file again.");
  EXPECT_EQ(file_error<InputError>([&] { open_virtual(thread, "short", {"x"}); }),
            "pair_1.h5: dataset 'x' has the shape [300, 4], but virtual_short.h5: dataset '/x', a virtual one, takes up to index 399 of dimension 0 "
            "from it. Make the virtual file again.");
  EXPECT_EQ(file_error<InputError>([&] { open_virtual(thread, "strided", {"x"}); }),
            "pair_1.h5: dataset 'x' has the shape [300, 4], but virtual_strided.h5: dataset '/x', a virtual one, takes up to index 319 of dimension 0 "
            "from it. Make the virtual file again.");
  EXPECT_EQ(file_error<InputError>([&] { open_virtual(thread, "widened", {"x"}); }),
            "wide.h5: dataset 'x' has the shape [300, 8], but virtual_widened.h5: dataset '/x', a virtual one, has room for 1200 elements of it. Make "
            "the virtual file again.");
  EXPECT_EQ(file_error<InputError>([&] {
              Catalog::open("dense", {test_file("pair_2.h5"), test_file("virtual_whole.h5")}, {request("x")}, thread);
            }),
            "pair_2.h5: is read twice, once as a part of the virtual file virtual_whole.h5 (every event counts once). Take it out of the list or "
            "out of the virtual file.");
  EXPECT_EQ(open_virtual(thread, "whole", {"x"}, false)->all_paths().size(), 3u);
}

TEST(Catalog, UnitsAreWholeChunksOfAboutHalfAMebibyteWithinAFile) {
  CatalogThread thread;
  const auto catalog =
      Catalog::open("dense", {test_file("many_units.h5"), test_file("many_units.h5")}, {request("x")}, thread);
  for (size_t i = 0; i < catalog->units().size(); ++i) {
    const Unit& unit = catalog->units()[i];
    EXPECT_EQ(unit.first_event % 1000, 0);
    EXPECT_LE(catalog->units()[i].stored_bytes, kUnitBytes);
    EXPECT_LE(unit.first_event + unit.num_events, 20000);
    EXPECT_EQ(unit.num_events, 2000);
  }
  EXPECT_EQ(catalog->units().size(), 20u);
}

TEST(Catalog, ContiguousDataAreCutByBytes) {
  CatalogThread thread;
  const auto catalog = Catalog::open("dense", {test_file("many_units.h5")}, {request("contiguous")}, thread);
  EXPECT_EQ(catalog->units().front().num_events, kUnitBytes / 256);
  EXPECT_EQ(catalog->units()[0].stored_bytes, kUnitBytes);
}

TEST(Catalog, AChunkLargerThanAUnitIsOneUnit) {
  CatalogThread thread;
  const auto table = Catalog::open("pandas_table", {test_file("top_jets.h5")}, {request("values_block_0")}, thread);
  int64_t events = 0;
  for (const auto& unit : table->units()) events += unit.num_events;
  EXPECT_EQ(events, test::kRows);
}

TEST(Catalog, MoreFilesThanAreHeldOpen) {
  CatalogThread thread;
  std::vector<std::string> files;
  for (int i = 0; i < 300; ++i) files.push_back(test_file(i % 2 ? "part_10.h5" : "part_1.h5"));
  const auto catalog = Catalog::open("dense", files, {request("x")}, thread);
  EXPECT_EQ(catalog->num_events(), 150 * 800);
  const auto num_units = static_cast<int64_t>(catalog->units().size());
  std::atomic<int64_t> events{0};
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < num_units; ++i) events += catalog->read((i * 7 + t * 100) % num_units)[0].values.size(0);
    });
  for (auto& thread_of_test : threads) thread_of_test.join();
  EXPECT_EQ(events, 4 * catalog->num_events());
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  EXPECT_LT(std::distance(begin(descriptors), end(descriptors)), 280) << "files were not closed";
}

TEST(Catalog, FileOfAnotherWidthIsRefused) {
  CatalogThread thread;
  EXPECT_EQ(file_error<InputError>([&] { open_parts(thread, "part_wide.h5"); }),
            "data.objects.part.field: part_wide.h5: 'x' has 5 values an event, but 4 in part_1.h5 (all files of a set "
            "have the same "
            "columns). Take the file out.");
}

TEST(Catalog, FileOfAnotherTypeIsRefusedWhereTypesAreKept) {
  CatalogThread thread;
  const std::vector<std::string> files{test_file("part_1.h5"), test_file("part_double.h5")};
  EXPECT_EQ(Catalog::open("dense", files, {request("x")}, thread)->num_events(), 310);
  EXPECT_EQ(file_error<InputError>([&] { Catalog::open("dense", files, {request("x", FieldRequest::As::stored)}, thread); }),
            "data.objects.part.field: part_double.h5: 'x' is read as Double, but as Float from part_1.h5 (all files of a set have the same "
            "columns). Take the file out.");
}

TEST(Catalog, LaterFileWithoutTheFieldIsRefused) {
  CatalogThread thread;
  EXPECT_EQ(file_error<InputError>([&] { open_parts(thread, "compound.h5"); }),
            "data.objects.part.field: compound.h5 has no field 'x' (fields: jets, label, tracks).");
}

TEST(Catalog, NoEventsAtAllIsRefused) {
  CatalogThread thread;
  EXPECT_EQ(file_error<InputError>([&] { Catalog::open("dense", {test_file("part_2.h5")}, {request("x")}, thread); }),
            "part_2.h5: no events (the datasets have 0 rows). Name files with events.");
}

TEST(Catalog, FingerprintIsOfContentNotOfNameOrTime) {
  CatalogThread thread;
  const auto fingerprint = [&](const std::string& last) { return open_parts(thread, last)->fingerprint(); };
  const uint64_t original = fingerprint("part_10.h5");
  EXPECT_EQ(fingerprint("part_10.h5"), original);
  std::filesystem::copy_file(test_file("part_10.h5"), test_file("copied.h5"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(fingerprint("copied.h5"), original);
  EXPECT_NE(fingerprint("part_1.h5"), original);
}

TEST(Catalog, FingerprintMovesWithOneValueAndWithTheFields) {
  CatalogThread thread;
  const auto fingerprint = [&](const std::string& file, const std::string& field) {
    return Catalog::open("dense", {file}, {request(field)}, thread)->fingerprint();
  };
  EXPECT_NE(fingerprint(test_file("many_units.h5"), "x"), fingerprint(test_file("many_units.h5"), "contiguous"));
  const std::string changed = test_file("changed.h5");
  std::filesystem::copy_file(test_file("many_units.h5"), changed, std::filesystem::copy_options::overwrite_existing);
  const std::string poke =
      std::string(TEV_PYTHON) + " -c \"import h5py; f = h5py.File('" + changed + "', 'r+'); f['x'][19999, 63] += 1\"";
  ASSERT_EQ(std::system(poke.c_str()), 0);
  EXPECT_NE(fingerprint(changed, "x"), fingerprint(test_file("many_units.h5"), "x"));

  // Eight files: only eight of the ten units of each are hashed, the last one among them.
  std::vector<std::string> files(8, test_file("many_units.h5"));
  const uint64_t original = Catalog::open("dense", files, {request("x")}, thread)->fingerprint();
  EXPECT_EQ(Catalog::open("dense", files, {request("x")}, thread)->fingerprint(3), original);
  files.back() = changed;
  EXPECT_NE(Catalog::open("dense", files, {request("x")}, thread)->fingerprint(), original);
}

TEST(Catalog, SeveralCallersReadTheSameAsOne) {
  CatalogThread thread;
  const auto catalog = Catalog::open("dense", {test::test_file("many_units.h5"), test::test_file("many_units.h5")},
                                     {test::request("x")}, thread);
  const auto num_units = static_cast<int64_t>(catalog->units().size());
  std::vector<at::Tensor> expected;
  for (int64_t unit = 0; unit < num_units; ++unit)
    expected.push_back(catalog->read(unit)[0].values);
  std::atomic<int> equal{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&, c] {
      for (int64_t i = 0; i < num_units; ++i) {
        const int64_t unit = (i * 7 + c * 3) % num_units;
        equal += at::equal(catalog->read(unit)[0].values, expected[unit]);
      }
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(equal, 4 * num_units);
}

}  // namespace
}  // namespace tev
