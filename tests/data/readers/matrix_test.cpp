// Every filter, number type and layout of storage gives what h5py reads from the same file.

#include "data/hdf5/dataset.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/hdf5/storage.hpp"
#include "tests/data/test_files.hpp"

#include <cstring>

namespace tev {
namespace {

constexpr int64_t kMatrixRows = 501;

using test::matrix_folder;

/// What h5py read, by the library.
std::vector<float> expected_values(const std::shared_ptr<const hdf5::File>& file, const std::string& path) {
  const hdf5::Dataset dataset(file, path);
  std::vector<double> values(static_cast<size_t>(dataset.num_rows() * dataset.row_bytes({0})) / sizeof(double));
  dataset.read({0}, 0, dataset.num_rows(), values.data());
  return {values.begin(), values.end()};
}

FieldRequest matrix_request(const std::string& layout, const std::string& path) {
  if (layout == "dense") return test::request(path);
  const auto slash = path.rfind('/');
  return test::request(path.substr(0, slash), test::As::float32, {path.substr(slash + 1)});
}

void expect_matrix(const std::string& layout, const std::string& name) {
  const auto expected = hdf5::File::open(matrix_folder() + "expected_" + name);
  const auto paths = expected->dataset_paths();
  ASSERT_GT(paths.size(), 20u);
  std::vector<FieldRequest> requests;
  for (const auto& path : paths) requests.push_back(matrix_request(layout, path));
  CatalogThread thread;
  const auto reader = open_reader(layout, matrix_folder() + name, requests, thread);
  std::vector<std::vector<float>> all;
  for (const auto& path : paths) all.push_back(expected_values(expected, path));
  for (const auto& [first, num] : std::vector<std::pair<int64_t, int64_t>>{{0, kMatrixRows}, {100, 77}, {499, 2}, {63, 1}, {7, 0}}) {
    const auto read = test::values_of(*reader, first, num);
    for (size_t i = 0; i < paths.size(); ++i) {
      const auto& values = all[i];
      const int64_t width = read[i].size(1);
      ASSERT_EQ(static_cast<int64_t>(values.size()), kMatrixRows * width) << paths[i];
      if (values.empty()) continue;
      EXPECT_EQ(0, std::memcmp(read[i].const_data_ptr<float>(), values.data() + first * width, static_cast<size_t>(num * width) * sizeof(float)))
          << name << paths[i] << " rows " << first << " to " << first + num;
    }
  }
}

/// How the datasets of a file are read.
std::map<std::string, hdf5::Storage::Kind> kinds(const std::string& name) {
  const auto file = hdf5::File::open(matrix_folder() + name);
  const hdf5::RawFile bytes(matrix_folder() + name);
  std::map<std::string, hdf5::Storage::Kind> result;
  for (const auto& path : file->dataset_paths()) result[path] = hdf5::storage_of(hdf5::Dataset(file, path), bytes).kind;
  return result;
}

TEST(Matrix, OwnDecodersGiveWhatH5pyReads) {
  expect_matrix("dense", "matrix.h5");
  for (const auto& [path, kind] : kinds("matrix.h5")) {
    const bool is_chunked = path.find("contiguous") == std::string::npos && path != "/compact";
    EXPECT_EQ(kind == hdf5::Storage::Kind::chunked, is_chunked) << path;
    EXPECT_NE(kind, hdf5::Storage::Kind::library) << path;
  }
}

TEST(Matrix, MembersOfRecordsGiveWhatH5pyReads) { expect_matrix("compound", "compound_matrix.h5"); }

TEST(Matrix, FiltersOfTheLibraryGiveWhatH5pyReads) {
  expect_matrix("dense", "library.h5");
  for (const auto& [path, kind] : kinds("library.h5")) EXPECT_EQ(kind, hdf5::Storage::Kind::library) << path;
}

TEST(Matrix, NewerChunkIndexesGiveWhatH5pyReads) {
  expect_matrix("dense", "latest.h5");
  EXPECT_EQ(kinds("latest.h5").at("/none/rows/f4"), hdf5::Storage::Kind::library_chunks);
}

TEST(Matrix, AddressesBehindAUserBlockAreFound) {
  expect_matrix("dense", "user_block.h5");
  EXPECT_EQ(kinds("user_block.h5").at("/none/rows/f4"), hdf5::Storage::Kind::chunked);
}

TEST(Matrix, MemoryOfTablesAndOfTheLibraryIsKnown) {
  CatalogThread thread;
  const auto own = open_reader("dense", matrix_folder() + "matrix.h5", {test::request("/gzip/rows/f4")}, thread);
  const auto units = static_cast<int64_t>(own->units().size() * sizeof(UnitRange));
  EXPECT_EQ(own->library_bytes(), 0);
  EXPECT_EQ(own->table_bytes(), units + 11 * static_cast<int64_t>(sizeof(hdf5::Extent)));
  const auto library = open_reader("dense", matrix_folder() + "library.h5", {test::request("/bitshuffle/rows/f4")}, thread);
  EXPECT_EQ(library->library_bytes(), 50 * 6 * 4);
  EXPECT_EQ(library->scratch_bytes(), 0);
}

TEST(Matrix, ChunkTreeGivesWhatTheLibraryGives) {
  const auto file = hdf5::File::open(matrix_folder() + "matrix.h5");
  const hdf5::RawFile bytes(matrix_folder() + "matrix.h5");
  for (const std::string path : {"/none/cube/f4", "/gzip_shuffle_fletcher32/cut/i8", "/grown", "/sparse", "/incompressible"}) {
    const hdf5::Dataset dataset(file, path);
    const auto storage = hdf5::storage_of(dataset, bytes);
    for (int64_t chunk = 0; chunk < storage.grid.num_chunks(); ++chunk) {
      uint32_t mask = 0;
      const auto stored = dataset.read_stored_chunk(storage.grid.start(chunk), mask);
      const auto& extent = storage.extents[static_cast<size_t>(chunk)];
      ASSERT_EQ(extent.bytes, stored.size()) << path << " " << chunk;
      ASSERT_EQ(extent.filter_mask, mask) << path << " " << chunk;
      std::vector<char> own(extent.bytes);
      bytes.read(extent.offset, extent.bytes, own.data());
      ASSERT_EQ(own, stored) << path << " " << chunk;
    }
  }
}

}  // namespace
}  // namespace tev
