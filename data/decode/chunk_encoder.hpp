#pragma once
// The filters of ChunkDecoder, applied: for writing.

#include "data/decode/codecs.hpp"
#include "data/hdf5/filters.hpp"

#include <string>
#include <vector>

namespace tev::decode {

/// How chunks are compressed: behind a shuffle, unless not at all.
struct Compression {
  std::string name = "zstd";  ///< zstd, gzip or none
  int level = 3;
};

/// The filters of a dataset with records of some size.
/// zstd frames carry a checksum, which readers check; gzip's is part of its format.
std::vector<hdf5::Filter> filters_for(const Compression& compression, int64_t record_bytes);

/// Compresses a chunk with filters of filters_for, in the memory of two of its size at most. May be called from many threads at once.
std::vector<char> encode(const std::vector<hdf5::Filter>& filters, std::vector<char> chunk);

/// Memory that a thread keeps for compressing, besides the chunks.
int64_t compressor_bytes(const Compression& compression, int64_t chunk_bytes);

}  // namespace tev::decode
