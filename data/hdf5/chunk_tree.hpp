#pragma once
// The index of chunks that files of HDF5 1.0 to 1.14 have by default, read without the library.

#include "data/hdf5/storage.hpp"

#include <optional>

namespace tev::hdf5 {

/// What the superblock says about addresses in a file.
struct FileFormat {
  uint64_t base = 0;       ///< of all addresses: bytes of the user block
  size_t offset_bytes = 8;  ///< of an address
  size_t length_bytes = 8;
};

/// Extents of all chunks, by the grid's index; chunks that were never written have 0 bytes.
/// @param header  address of the dataset's object header
/// @return        nothing if the dataset has another kind of index
/// @throws Error  a damaged tree: names file and address
/// @source        HDF5 File Format Specification 3.0, III.A.1 (version 1 B-trees), IV.A.1 (object headers), IV.A.2.i (layout)
std::optional<std::vector<Extent>> read_chunk_tree(const RawFile& file, const FileFormat& format, uint64_t header,
                                                   const ChunkGrid& grid);

}  // namespace tev::hdf5
