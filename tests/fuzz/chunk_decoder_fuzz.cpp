// Any bytes through any filter pipeline: refused as BadData, or a chunk of which every byte was written.

#include "data/decode/chunk_decoder.hpp"
#include "tests/fuzz/fuzz_bytes.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace tev {
namespace {

constexpr std::array kFilters{hdf5::kGzip, hdf5::kShuffle, hdf5::kFletcher32, hdf5::kLzf, hdf5::kBlosc, hdf5::kLz4, hdf5::kZstd};
constexpr size_t kMostFilters = 5;

/// @param before  what the chunk's memory holds before
std::optional<std::vector<char>> decoded(const decode::ChunkDecoder& decoder, decode::In stored, uint32_t mask, size_t bytes, char before) {
  std::vector<char> chunk(bytes, before);
  try {
    decoder.decode(stored, mask, chunk.data());
    return chunk;
  } catch (const decode::BadData&) {
    return std::nullopt;
  }
}

}  // namespace
}  // namespace tev

/// Number of filters; number and parameter of each; filter mask; bytes of a chunk (2); what is stored.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tev;
  fuzz::FuzzBytes bytes(data, size);
  std::vector<hdf5::Filter> filters(bytes.number(1) % (kMostFilters + 1));
  for (auto& filter : filters) {
    filter.id = kFilters.at(bytes.number(1) % kFilters.size());
    filter.values = {static_cast<unsigned>(bytes.number(1))};
  }
  const auto mask = static_cast<uint32_t>(bytes.number(1));
  const size_t chunk_bytes = bytes.number(2);
  if (hdf5::filter_for_library(filters)) return 0;
  const decode::ChunkDecoder decoder(filters, chunk_bytes);
  const std::vector<char> stored(bytes.rest().begin(), bytes.rest().end());  // of its exact size: reading beyond it is seen
  const auto chunk = decoded(decoder, stored, mask, chunk_bytes, '\x5a');
  fuzz::require(chunk == decoded(decoder, stored, mask, chunk_bytes, '\xa5'), "that decoding writes every byte, twice the same");
  return 0;
}
