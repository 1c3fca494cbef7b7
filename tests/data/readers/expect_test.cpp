// What is fetched from the disk before it is read.

#include "data/catalog/catalog.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/write/h5_writer.hpp"
#include "tests/data/test_files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/rand.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace tev {
namespace {

/// A file of which the system can be asked what it holds in memory.
class CachedFile {
 public:
  explicit CachedFile(const std::string& path)
      : bytes_(std::filesystem::file_size(path)), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), map_(::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, descriptor_, 0)) {
    if (descriptor_ < 0 || map_ == MAP_FAILED) throw std::runtime_error(path + ": cannot be mapped");
  }
  ~CachedFile() {
    ::munmap(map_, bytes_);
    ::close(descriptor_);
  }
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;

  /// Whether the system has forgotten all of it.
  bool drop() const { return ::fsync(descriptor_) == 0 && ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED) == 0 && held_pages() == 0; }

  int64_t held_pages() const {
    std::vector<unsigned char> pages((bytes_ + 4095) / 4096);
    if (::mincore(map_, bytes_, pages.data()) != 0) throw std::runtime_error("mincore failed");
    return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
  }

  /// Waits until something has come in, 10 s at most, and nothing more does for a while.
  int64_t settled_pages() const {
    int64_t before = -1, now = held_pages();
    for (int i = 0; i < 200 && (now != before || now == 0); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      before = std::exchange(now, held_pages());
    }
    return now;
  }

 private:
  size_t bytes_;
  int descriptor_;
  void* map_;
};

constexpr int64_t kEvents = 150000, kRowsOfEvent = 10;

std::string write_events(const std::filesystem::path& folder) {
  const std::string path = folder / "events.h5";
  H5Writer writer(path);
  writer.append("part", at::rand({kEvents * kRowsOfEvent, 4}));
  writer.append("first", at::arange(0, (kEvents + 1) * kRowsOfEvent, kRowsOfEvent, at::kLong));
  writer.append("label", at::rand({kEvents, 4}));
  writer.close();
  return path;
}

/// Expects the unit in the middle, then reads it: almost nothing more comes from the disk. Random numbers are stored in 0.8 to 0.9 of their bytes.
void check_expectation(const std::string& layout, const std::string& path, const FieldRequest& wanted) {
  const auto reader = test::open_file(layout, path, {wanted});
  const CachedFile cached(path);
  if (!cached.drop()) GTEST_SKIP() << "the temporary folder lies in memory: there is no disk to fetch from";
  const auto units = reader->units();
  ASSERT_GE(units.size(), 4);
  const UnitRange& unit = units[units.size() / 2];
  reader->expect(units.size() / 2);
  const int64_t expected = cached.settled_pages();
  EXPECT_GE(expected, unit.stored_bytes / 4096 / 2);
  reader->read(unit.first_event, unit.num_events);
  EXPECT_LT(cached.held_pages() - expected, unit.stored_bytes / 4096 / 4);
  EXPECT_LT(expected, std::filesystem::file_size(path) / 4096 / 2) << "of all " << units.size() << " units";
}

using ExpectTest = test::FolderTest;

TEST_F(ExpectTest, ChunksOfAUnitAreFetched) { check_expectation("dense", write_events(folder), test::request("label")); }

TEST_F(ExpectTest, RowsOfAUnitAreFetched) {
  FieldRequest parts = test::request("part");
  parts.rows_kind = RowsKind::offsets;
  parts.rows = "first";
  check_expectation("flat", write_events(folder), parts);
}

TEST_F(ExpectTest, ACatalogNoticesWhenTheSystemForgets) {
  const std::string path = write_events(folder);
  CatalogThread thread;
  const auto catalog = Catalog::open("dense", {path}, {test::request("part")}, thread);
  const auto units = static_cast<int64_t>(catalog->units().size());
  const CachedFile cached(path);
  for (int64_t i = 0; i < 100; ++i) catalog->expect(i % units);
  if (!cached.drop()) GTEST_SKIP() << "the temporary folder lies in memory: there is no disk to fetch from";
  for (int64_t i = 0; i < 100; ++i) catalog->expect(i % units);
  EXPECT_GE(cached.settled_pages(), units * catalog->units()[0].stored_bytes / 4096 / 2);
}

TEST_F(ExpectTest, OfAFileThatIsGoneNothing) {
  const std::string path = write_events(folder);
  const auto reader = test::open_file("dense", path, {test::request("label")});
  std::filesystem::remove(path);
  EXPECT_NO_THROW(reader->expect(0));
  EXPECT_NE(test::error_of<Error>([&] { reader->read(0, 1); }).find("cannot be opened any more"), std::string::npos);
}

}  // namespace
}  // namespace tev
