#include "data/decode/chunk_decoder.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace tev::decode {
namespace {

constexpr size_t kChecksumBytes = 4;

void undo(const hdf5::Filter& filter, In in, Out out) {
  switch (filter.id) {
    case hdf5::kGzip: return inflate(in, out);
    case hdf5::kShuffle: return unshuffle(in, filter.values.empty() ? 1 : filter.values[0], out);
    case hdf5::kFletcher32: return fletcher32(in, out);
    case hdf5::kLzf: return lzf(in, out);
    case hdf5::kBlosc: return blosc(in, out);
    case hdf5::kLz4: return lz4(in, out);
    case hdf5::kZstd: return zstd(in, out);
    default: throw BadData(filter.name + ": no decoder");
  }
}

bool is_left_out(uint32_t mask, size_t filter) { return filter < 32 && (mask >> filter & 1) != 0; }

}  // namespace

char* thread_buffer(Slot slot, size_t bytes) {
  struct Buffer {
    std::unique_ptr<char[]> data;
    size_t bytes = 0;
  };
  static thread_local std::array<Buffer, 4> buffers;
  Buffer& buffer = buffers.at(static_cast<size_t>(slot));
  if (buffer.bytes < bytes) {
    buffer.bytes = 0;  // should there be no memory
    buffer.data.reset();  // first: never two at a time
    buffer.data.reset(new char[bytes]);
    buffer.bytes = bytes;
  }
  return buffer.data.get();
}

ChunkDecoder::ChunkDecoder(std::vector<hdf5::Filter> filters, size_t chunk_bytes)
    : filters_(std::move(filters)), chunk_bytes_(chunk_bytes) {}

/// The filters to undo, in the order in which they were applied.
std::vector<size_t> ChunkDecoder::stages(uint32_t filter_mask) const {
  std::vector<size_t> applied;
  for (size_t i = 0; i < filters_.size(); ++i)
    if (!is_left_out(filter_mask, i)) applied.push_back(i);
  return applied;
}

/// Size of what filter `applied[stage]` got, from that of what it gave. A compressor got the chunk, with the checksums added before.
size_t ChunkDecoder::bytes_before(const std::vector<size_t>& applied, size_t stage, size_t bytes_after) const {
  switch (filters_[applied[stage]].id) {
    case hdf5::kShuffle: return bytes_after;
    case hdf5::kFletcher32:
      if (bytes_after < kChecksumBytes) throw BadData("fletcher32: no checksum");
      return bytes_after - kChecksumBytes;
    default: break;
  }
  size_t bytes = chunk_bytes_;
  for (size_t i = 0; i < stage; ++i)
    if (filters_[applied[i]].id == hdf5::kFletcher32) bytes += kChecksumBytes;
  return bytes;
}

bool ChunkDecoder::is_plain(uint32_t filter_mask) const { return stages(filter_mask).empty(); }

size_t ChunkDecoder::scratch_bytes() const {
  if (filters_.empty()) return chunk_bytes_;
  const size_t stored_and_chunk = 2, stages = std::min<size_t>(2, filters_.size() - 1);
  return (stored_and_chunk + stages) * (chunk_bytes_ + 4096);
}

void ChunkDecoder::decode(In stored, uint32_t filter_mask, char* out) const {
  const std::vector<size_t> applied = stages(filter_mask);
  if (applied.empty()) {
    if (stored.size() != chunk_bytes_) throw BadData("its size is not that of a chunk");
    std::copy(stored.begin(), stored.end(), out);
    return;
  }
  In in = stored;
  for (size_t i = applied.size(); i-- > 0;) {
    const size_t bytes = bytes_before(applied, i, in.size());
    if (i == 0 && bytes != chunk_bytes_) throw BadData("its size is not that of a chunk");
    char* to = i == 0 ? out : thread_buffer(i % 2 == 0 ? Slot::stage_even : Slot::stage_odd, bytes);
    undo(filters_[applied[i]], in, Out(to, bytes));
    in = In(to, bytes);
  }
}

}  // namespace tev::decode
