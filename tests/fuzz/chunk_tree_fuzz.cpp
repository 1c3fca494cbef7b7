// Any bytes as a file with a dataset in it: the walk gives one extent a chunk, or an Error.

#include "base/check.hpp"
#include "data/hdf5/chunk_tree.hpp"
#include "data/hdf5/raw_file.hpp"
#include "tests/fuzz/fuzz_bytes.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace tev {
namespace {

/// A file in memory whose content is replaced.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {
    fuzz::require(descriptor_ >= 0, "that there is a file in memory");
  }
  const std::string& path() const { return path_; }
  void hold(std::span<const char> content) const {
    fuzz::require(::ftruncate(descriptor_, 0) == 0, "that the file can be emptied");
    fuzz::require(::pwrite(descriptor_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()),
                  "that the file can be written");
  }

 private:
  int descriptor_;
  std::string path_;
};

}  // namespace
}  // namespace tev

/// Bytes of an address and of a length (2 to 16); user block; rank; header's address (2); of each dimension the size (2) and that of a
/// chunk; the file.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tev;
  static const MemoryFile memory;
  fuzz::FuzzBytes bytes(data, size);
  hdf5::FileFormat format;
  format.offset_bytes = size_t{2} << (bytes.number(1) & 3);
  format.length_bytes = size_t{2} << (bytes.number(1) & 3);
  format.base = bytes.number(1);
  hdf5::ChunkGrid grid;
  const size_t rank = 1 + bytes.number(1) % 4;
  const uint64_t header = bytes.number(2);
  for (size_t d = 0; d < rank; ++d) {
    grid.shape.push_back(static_cast<int64_t>(bytes.number(2)));
    grid.chunk.push_back(std::max<int64_t>(1, static_cast<int64_t>(bytes.number(1))));  // HDF5 has no empty chunks
  }
  if (grid.num_chunks() > static_cast<int64_t>(bytes.rest().size() / 16) + 65536) return 0;  // as in storage.cpp
  memory.hold(bytes.rest());
  const hdf5::RawFile file(memory.path());
  try {
    const auto extents = hdf5::read_chunk_tree(file, format, header, grid);
    fuzz::require(!extents || extents->size() == static_cast<size_t>(grid.num_chunks()), "that every chunk has an extent");
  } catch (const Error&) {
  }
  return 0;
}
