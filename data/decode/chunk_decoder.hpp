#pragma once
// A filter pipeline, undone.

#include "data/decode/codecs.hpp"
#include "data/hdf5/filters.hpp"

#include <vector>

namespace tev::decode {

/// Undoes the filters of one dataset; may be used by many threads at once.
class ChunkDecoder {
 public:
  /// @param filters      of which none needs the library (hdf5::filter_for_library)
  /// @param chunk_bytes  of an uncompressed chunk
  ChunkDecoder(std::vector<hdf5::Filter> filters, size_t chunk_bytes);

  /// Whether stored bytes are the chunk itself.
  bool is_plain(uint32_t filter_mask) const;

  /// @param filter_mask  bit i: filter i was left out of this chunk
  /// @param out          [chunk_bytes]
  /// @throws BadData     names the filter
  void decode(In stored, uint32_t filter_mask, char* out) const;

  /// Memory that a thread keeps for decoding such chunks: the stages between filters.
  size_t scratch_bytes() const;

 private:
  std::vector<size_t> stages(uint32_t filter_mask) const;
  size_t bytes_before(const std::vector<size_t>& applied, size_t stage, size_t bytes_after) const;

  std::vector<hdf5::Filter> filters_;
  size_t chunk_bytes_;
};

/// What the buffers of a thread hold.
enum class Slot { stored, stage_even, stage_odd, chunk };

/// A buffer of the calling thread that grows as needed and is kept: decoding allocates nothing in the long run. Its content lasts
/// until the slot is asked for again.
char* thread_buffer(Slot slot, size_t bytes);

}  // namespace tev::decode
