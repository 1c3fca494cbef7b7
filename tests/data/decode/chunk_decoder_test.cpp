// What is not the result of a filter is refused: no crash, no endless loop, and no wrong data where there is a checksum.

#include "data/decode/chunk_decoder.hpp"

#include "data/hdf5/dataset.hpp"
#include "data/hdf5/raw_file.hpp"
#include "data/hdf5/storage.hpp"
#include "tests/data/test_files.hpp"

#include <random>

namespace tev {
namespace {

/// A stored chunk of a matrix file, and what it decodes to.
struct Sample {
  std::string path;
  decode::ChunkDecoder decoder;
  std::vector<char> stored;
  std::vector<char> chunk;
  bool has_checksum;
};

std::vector<Sample> samples() {
  const std::string name = test::matrix_folder() + "matrix.h5";
  const auto file = hdf5::File::open(name);
  const hdf5::RawFile bytes(name);
  std::vector<Sample> result;
  for (const auto& path : file->dataset_paths()) {
    if (path.find("/rows/f4") == std::string::npos) continue;
    const auto storage = hdf5::storage_of(hdf5::Dataset(file, path), bytes);
    if (storage.filters.empty() || storage.extents[0].filter_mask != 0) continue;  // a filter that did not pay was left out
    const auto size = static_cast<size_t>(storage.chunk_bytes());
    Sample sample{path, {storage.filters, size}, std::vector<char>(storage.extents[0].bytes), std::vector<char>(size),
                  path.find("fletcher32") != std::string::npos};
    bytes.read(storage.extents[0].offset, sample.stored.size(), sample.stored.data());
    sample.decoder.decode(sample.stored, 0, sample.chunk.data());
    result.push_back(std::move(sample));
  }
  EXPECT_GT(result.size(), 12u);
  return result;
}

/// Decodes damaged bytes. @return whether that gave wrong data
bool gives_wrong_data(const Sample& sample, const std::vector<char>& stored) {
  std::vector<char> chunk(sample.chunk.size());
  try {
    sample.decoder.decode(stored, 0, chunk.data());
  } catch (const decode::BadData&) {
    return false;
  }
  return chunk != sample.chunk;
}

TEST(ChunkDecoder, EveryFlippedBitIsSeenWhereThereIsAChecksum) {
  for (const auto& sample : samples()) {
    int64_t wrong = 0;
    auto stored = sample.stored;
    for (size_t i = 0; i < stored.size(); ++i)
      for (const int bit : {0, 3, 7}) {
        stored[i] = static_cast<char>(stored[i] ^ (1 << bit));
        wrong += gives_wrong_data(sample, stored);
        stored[i] = sample.stored[i];
      }
    EXPECT_TRUE(wrong == 0 || !sample.has_checksum) << sample.path << ": wrong data " << wrong << " times";
  }
}

TEST(ChunkDecoder, TruncatedChunksAreRefused) {
  for (const auto& sample : samples())
    for (size_t size = 0; size < sample.stored.size(); ++size) {
      const std::vector<char> stored(sample.stored.begin(), sample.stored.begin() + static_cast<int64_t>(size));
      EXPECT_FALSE(gives_wrong_data(sample, stored)) << sample.path << " " << size << " of " << sample.stored.size();
    }
}

TEST(ChunkDecoder, NoiseIsRefused) {
  std::mt19937 random(1);
  for (const auto& sample : samples()) {
    if (sample.path == "/shuffle/rows/f4") continue;  // every byte string is the result of a shuffle
    for (int trial = 0; trial < 200; ++trial) {
      std::vector<char> stored(random() % (2 * sample.stored.size()));
      for (auto& byte : stored) byte = static_cast<char>(random());
      EXPECT_FALSE(gives_wrong_data(sample, stored)) << sample.path << " " << trial;
    }
  }
}

TEST(ChunkDecoder, FiltersThatAChunkWentWithoutAreLeftOut) {
  const decode::ChunkDecoder decoder({{hdf5::kShuffle, "shuffle", {4}}, {hdf5::kGzip, "gzip", {4}}}, 8);
  const std::vector<char> planes{1, 5, 2, 6, 3, 7, 4, 8};
  std::vector<char> chunk(8);
  decoder.decode(planes, 2, chunk.data());
  EXPECT_EQ(chunk, (std::vector<char>{1, 2, 3, 4, 5, 6, 7, 8}));
  decoder.decode(planes, 3, chunk.data());
  EXPECT_EQ(chunk, planes);
  EXPECT_FALSE(decoder.is_plain(2));
  EXPECT_TRUE(decoder.is_plain(3));
}

}  // namespace
}  // namespace tev
