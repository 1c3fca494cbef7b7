// Every byte of a small file flipped in turn: reading ends in an error or gives the data, and never in a crash or a hang.
//
// All bytes of a file whose metadata have checksums; in one of the old format those that are read here: chunks and their indexes. The
// rest of its metadata has no checksum, and HDF5 1.10 crashes on some of it.
// A program of its own: processes are forked from one that has no other thread.

#include "base/check.hpp"
#include "data/hdf5/dataset.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/hdf5/storage.hpp"
#include "data/readers/registry.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>

namespace tev {
namespace {

enum Outcome : unsigned char { not_run, equal, refused, different, crashed };

constexpr int64_t kEvents = 40;

struct Flip {
  size_t byte = 0;
  int bit = 0;
};

FieldRequest request(const std::string& field) {
  FieldRequest request;
  request.key = "data.objects.part.field";
  request.field = field;
  return request;
}

/// Empty where there are fewer or more events.
std::vector<FieldValues> read_all(const std::string& path) {
  CatalogThread thread;
  const auto dense = open_reader("dense", path, {request("packed"), request("summed")}, thread);
  FieldRequest rows = request("grown");
  rows.rows_kind = RowsKind::extents;
  rows.rows = "extents";
  const auto flat = open_reader("flat", path, {rows}, thread);
  std::vector<FieldValues> values;
  for (const auto* reader : {dense.get(), flat.get()}) {
    if (reader->num_events() != kEvents) return {};
    for (const auto& unit : reader->units())
      for (auto& field : reader->read(unit.first_event, unit.num_events)) values.push_back(std::move(field));
  }
  return values;
}

bool are_equal(const std::vector<FieldValues>& a, const std::vector<FieldValues>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const FieldValues& one, const FieldValues& other) {
    return at::equal(one.values, other.values) && one.offsets.defined() == other.offsets.defined() &&
           (!one.offsets.defined() || at::equal(one.offsets, other.offsets));
  });
}

/// Where the chunks of all datasets lie.
std::vector<bool> bytes_of_chunks(const std::string& path, size_t size) {
  std::vector<bool> is_chunk(size);
  const auto file = hdf5::File::open(path);
  const hdf5::RawFile bytes(path);
  for (const auto& name : file->dataset_paths())
    for (const auto& extent : hdf5::storage_of(hdf5::Dataset(file, name), bytes).extents)
      std::fill_n(is_chunk.begin() + static_cast<std::ptrdiff_t>(extent.offset), extent.bytes, true);
  return is_chunk;
}

/// Where the used part of the chunk indexes lies, of at most two dimensions.
std::vector<bool> bytes_of_chunk_trees(const std::string& content) {
  std::vector<bool> is_tree(content.size());
  const std::string signature{'T', 'R', 'E', 'E', '\1'};
  for (size_t at = 0; (at = content.find(signature, at)) != std::string::npos; ++at) {
    const auto entries = static_cast<unsigned char>(content.at(at + 6));
    for (size_t i = at; i < std::min(content.size(), at + 24 + entries * size_t{40}); ++i) is_tree[i] = true;
  }
  return is_tree;
}

/// Runs `body` in a process of its own. @return  what waitpid says
int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
    } catch (const std::exception& error) {  // ends this process, as it would end the program
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Outcome read_damaged(const std::string& path, const std::vector<FieldValues>& expected) {
  try {
    return are_equal(read_all(path), expected) ? equal : different;
  } catch (const std::exception&) {  // Error; or no memory for what damaged metadata ask for, which the program reports too
    return refused;
  }
}

/// Outcome of every flip. A child goes through them until it ends or dies; the next one takes the rest.
std::vector<Outcome> outcomes(const std::string& path, const std::string& content, const std::vector<Flip>& flips) {
  constexpr unsigned kSecondsAFlip = 20;  // the slowest takes some milliseconds
  auto* shared = static_cast<Outcome*>(::mmap(nullptr, flips.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) throw Error("no memory");
  for (size_t next = 0; next < flips.size();) {
    const int status = in_child([&] {
#if !defined(__SANITIZE_ADDRESS__)  // the sanitizer's shadow is larger
      const rlimit memory{size_t{8} << 30, size_t{8} << 30};
      ::setrlimit(RLIMIT_AS, &memory);
#endif
      test::put_text(path, content);
      const auto expected = read_all(path);
      for (size_t i = next; i < flips.size(); ++i) {
        const int file = ::open(path.c_str(), O_WRONLY);
        const auto place = static_cast<off_t>(flips[i].byte);
        const char damaged = static_cast<char>(content[flips[i].byte] ^ (1 << flips[i].bit));
        if (::pwrite(file, &damaged, 1, place) != 1) ::_exit(1);
        ::alarm(kSecondsAFlip);
        shared[i] = read_damaged(path, expected);
        ::alarm(0);
        if (::pwrite(file, &content[flips[i].byte], 1, place) != 1) ::_exit(1);
        ::close(file);
      }
    });
    while (next < flips.size() && shared[next] != not_run) ++next;
    if (next == flips.size()) break;
    std::fprintf(stderr, "byte %zu, bit %d: status %d\n", flips[next].byte, flips[next].bit, status);
    shared[next++] = crashed;
  }
  std::vector<Outcome> result(shared, shared + flips.size());
  ::munmap(shared, flips.size());
  return result;
}

class FlippedBytes : public test::FolderTest {
 protected:
  void SetUp() override {
    const std::string command = c10::str(TEV_PYTHON, " tests/data/readers/make_flip_files.py ", folder.string());
    ASSERT_EQ(std::system(command.c_str()), 0);
  }

  /// Flips one bit of a byte, three of those of chunks, and counts by what became of it.
  /// @param checked_metadata  whether the file has checksums outside of chunks too
  void expect_no_harm(const std::string& name, bool checked_metadata) {
    const std::string original = folder / name, damaged = folder / ("damaged_" + name);
    const std::string content = test::text_of(original);
    std::vector<bool> is_chunk;
    std::vector<Flip> flips;
    // The library is not used in this process: a fork would inherit its locks.
    auto* shared = static_cast<bool*>(::mmap(nullptr, content.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_EQ(in_child([&] {
      const auto found = bytes_of_chunks(original, content.size());
      std::copy(found.begin(), found.end(), shared);
    }), 0);
    is_chunk.assign(shared, shared + content.size());
    ::munmap(shared, content.size());
    const auto is_tree = bytes_of_chunk_trees(content);
    for (size_t byte = 0; byte < content.size(); ++byte)
      for (int i = 0; i < (is_chunk[byte] ? 3 : checked_metadata || is_tree[byte] ? 1 : 0); ++i) flips.push_back({byte, static_cast<int>(byte * 5 + static_cast<size_t>(i) * 3) % 8});
    const auto result = outcomes(damaged, content, flips);
    std::map<Outcome, int64_t> counts;
    for (size_t i = 0; i < flips.size(); ++i) {
      ++counts[result[i]];
      const std::string where = c10::str(name, ", byte ", flips[i].byte, ", bit ", flips[i].bit);
      EXPECT_NE(result[i], crashed) << where;
      EXPECT_TRUE(result[i] != different || !(checked_metadata || is_chunk[flips[i].byte])) << where;
    }
    EXPECT_GT(counts[refused], 0);
    std::printf("%s: %zu flips, %lld refused, %lld of no effect, %lld of metadata without a checksum seen as other data\n", name.c_str(), flips.size(),
                static_cast<long long>(counts[refused]), static_cast<long long>(counts[equal]), static_cast<long long>(counts[different]));
  }
};

TEST_F(FlippedBytes, AreRefusedOrOfNoEffectInChunksAndTheirIndexes) { expect_no_harm("earliest.h5", false); }
TEST_F(FlippedBytes, AreRefusedOrOfNoEffectWhereMetadataHaveChecksumsToo) { expect_no_harm("latest.h5", true); }

}  // namespace
}  // namespace tev
