#pragma once
// One function a filter: undoes it. All are pure and may run on many threads at once.

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace tev::decode {

/// Bytes that are no result of the filter; says what is wrong with them. Whoever knows the place adds it.
class BadData : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using In = std::span<const char>;
using Out = std::span<char>;

/// Each fills `out` completely, or throws BadData.
/// @source  RFC 1950 (zlib)
void inflate(In in, Out out);
/// @source  the container of HDF5's lz4 filter (registered 32004): big-endian size and block size, then sized blocks
void lz4(In in, Out out);
/// @source  LibLZF's format. Written here, 20 lines: the library's own function (3.6) reads beyond the end of truncated data.
void lzf(In in, Out out);
void zstd(In in, Out out);
/// Any codec and either shuffle of Blosc 1.
void blosc(In in, Out out);

/// Byte planes back into numbers of `size` bytes; what is left at the end lies as it was.
void unshuffle(In in, size_t size, Out out);

/// Copies all but the last four bytes, which must be the checksum of the others.
/// @source  HDF5's H5_checksum_fletcher32; 1.6.2 and before stored its halves byte-swapped, which is accepted too
void fletcher32(In in, Out out);

}  // namespace tev::decode
