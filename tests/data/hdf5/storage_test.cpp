#include "data/hdf5/storage.hpp"

#include "base/check.hpp"
#include "data/hdf5/dataset.hpp"
#include "data/hdf5/raw_file.hpp"
#include "tests/data/test_files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <cstring>
#include <fstream>

namespace tev {
namespace {

/// A copy of a file whose chunk index can be damaged: entries of 32 bytes of key and 8 of address, for chunks of [50, 4].
class ChunkIndex : public test::FolderTest {
 protected:
  static constexpr size_t kHead = 24, kEntry = 40, kCoordinate = 8, kAddress = 32;

  void SetUp() override {
    content_ = test::text_of(test::test_file("part_1.h5"));
    first_ = content_.find(std::string{'T', 'R', 'E', 'E', '\1', '\0'}) + kHead;
    ASSERT_LT(first_, content_.size());
  }

  uint64_t number(size_t entry, size_t field) const {
    uint64_t value = 0;
    std::memcpy(&value, content_.data() + first_ + entry * kEntry + field, sizeof(value));
    return value;
  }
  void set(size_t entry, size_t field, uint64_t value) { std::memcpy(content_.data() + first_ + entry * kEntry + field, &value, sizeof(value)); }

  hdf5::Storage storage() const {
    const std::string path = folder / "damaged.h5";
    test::put_text(path, content_);
    const hdf5::RawFile bytes(path);
    return hdf5::storage_of(hdf5::Dataset(hdf5::File::open(path), "x"), bytes);
  }
  std::string refusal() const { return test::error_of<Error>([this] { storage(); }); }

 private:
  std::string content_;
  size_t first_ = 0;
};

TEST_F(ChunkIndex, LeadsToEveryChunk) {
  const auto found = storage();
  ASSERT_EQ(found.kind, hdf5::Storage::Kind::chunked);
  for (size_t i = 0; i < found.extents.size(); ++i) {
    EXPECT_EQ(number(i, kCoordinate), 50 * i);
    EXPECT_EQ(found.extents[i].offset, number(i, kAddress));
  }
  EXPECT_GT(found.extents.size(), 1u);
}

TEST_F(ChunkIndex, RefusesKeysThatDoNotRise) {
  set(1, kCoordinate, 0);
  EXPECT_NE(refusal().find("has a chunk at [0, 0], where none can be"), std::string::npos) << refusal();
}

TEST_F(ChunkIndex, RefusesChunksOffTheGrid) {
  set(1, kCoordinate, 51);
  EXPECT_NE(refusal().find("has a chunk at [51, 0], where none can be"), std::string::npos) << refusal();
}

TEST_F(ChunkIndex, RefusesTwoChunksAtOnePlace) {
  set(1, kAddress, number(0, kAddress));
  EXPECT_NE(refusal().find("chunks 0 and 1: both lie at byte " + std::to_string(number(0, kAddress))), std::string::npos) << refusal();
}

}  // namespace
}  // namespace tev
