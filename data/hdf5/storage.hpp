#pragma once
// Where the bytes of a dataset lie in its file: all that reading it without the library takes.

#include "data/hdf5/filters.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tev::hdf5 {

class Dataset;
class RawFile;

/// Rows that are cut into more pieces are left to the library.
inline constexpr int64_t kMostChunksOfRow = int64_t{1} << 16;

/// Place of one stored chunk.
struct Extent {
  uint64_t offset = 0;       ///< into the file
  uint32_t bytes = 0;        ///< as stored; 0: never written, all fill values
  uint32_t filter_mask = 0;  ///< bit i: filter i was left out of this chunk
  bool operator==(const Extent&) const = default;
};

/// How a dataset is cut into chunks. The last dimension counts fastest, in the dataset as in the grid.
struct ChunkGrid {
  std::vector<int64_t> shape;  ///< of the dataset, in records
  std::vector<int64_t> chunk;  ///< of a chunk, in records
  std::vector<int64_t> counts() const;  ///< chunks along each dimension
  int64_t num_chunks() const;
  int64_t chunk_records() const;
  /// First record of a chunk in each dimension.
  std::vector<int64_t> start(int64_t index) const;
};

struct Storage {
  enum class Kind {
    chunked,         ///< `extents` has every chunk of the grid
    library_chunks,  ///< the library finds a chunk and hands it over as stored; decoded here all the same
    contiguous,      ///< one piece: extents[0].offset, its size follows from the shape
    compact,         ///< inside the object header: `content`
    library,         ///< only the library can read it: `reason`
  };
  Kind kind = Kind::library;
  ChunkGrid grid;  ///< where there are no chunks, one chunk is all
  std::vector<Filter> filters;
  std::vector<Extent> extents;
  std::string content;
  std::string fill;    ///< one record of what was never written
  std::string reason;  ///< e.g. "the filter szip", "a virtual dataset"

  /// Uncompressed bytes of a chunk.
  int64_t chunk_bytes() const { return grid.chunk_records() * static_cast<int64_t>(fill.size()); }
};

/// Why only the library can read a dataset whose values have a fixed length, as its creation list says; empty: anybody can.
std::string library_reason(int64_t creation_list, const std::vector<Filter>& filters);

/// Two of them. A virtual dataset may still be read by the files behind it: virtual_parts.
inline constexpr const char* kVirtual = "a virtual dataset";
inline constexpr const char* kVariableLength = "values of variable length";

/// Reads the metadata of an open dataset: on 1.10 by walking the chunk index in the file itself, since asking the library for
/// all chunks takes time quadratic in their number.
/// @throws InputError  an extent beyond the end of the file
/// @throws Error       a damaged chunk index
Storage storage_of(const Dataset& dataset, const RawFile& bytes);

/// Bytes of what a dataset with rows of variable length holds for each of them: how many values it has (uint32), then where they lie.
inline constexpr int64_t kReferenceBytes = 16;

/// Where these lie; nothing where they cannot be read without the library.
std::optional<Storage> references_of(const Dataset& dataset, const RawFile& bytes);

}  // namespace tev::hdf5
