#include "data/decode/row_reader.hpp"

#include "base/check.hpp"
#include "base/stopwatch.hpp"
#include "data/hdf5/raw_file.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

namespace tev::decode {
namespace {

using hdf5::Storage;

/// Of a dataset without chunks, read at a time.
constexpr int64_t kPieceBytes = int64_t{1} << 20;

void read_bytes(const hdf5::RawFile& file, uint64_t offset, size_t bytes, char* out) {
  const Stopwatch watch(thread_cost().read_ns);
  thread_cost().stored_bytes += static_cast<int64_t>(bytes);
  file.read(offset, bytes, out);
}

int64_t product(const std::vector<int64_t>& sizes, size_t first) {
  return std::accumulate(sizes.begin() + static_cast<std::ptrdiff_t>(first), sizes.end(), int64_t{1}, std::multiplies<>());
}

/// The runs of a row within a chunk that begins at `start`, which is clipped at the edge of the dataset.
std::vector<Run> runs_of(const hdf5::ChunkGrid& grid, const std::vector<int64_t>& start) {
  const size_t rank = grid.shape.size();
  std::vector<int64_t> size(rank);
  for (size_t d = 0; d < rank; ++d) size[d] = std::min(grid.chunk[d], grid.shape[d] - start[d]);
  size_t whole = rank;  // dimensions from here on lie in one piece, in the chunk as in the row
  while (whole > 1 && grid.chunk[whole - 1] == grid.shape[whole - 1]) --whole;
  const size_t outer = whole > 1 ? whole - 1 : 1;  // dimensions 1 to outer - 1 are stepped through
  const int64_t count = outer < rank ? size[outer] * product(grid.shape, outer + 1) : 1;
  std::vector<Run> runs;
  std::vector<int64_t> at(rank, 0);
  for (;;) {
    Run run{0, 0, count};
    for (size_t d = 1; d < rank; ++d) {
      run.source = run.source * grid.chunk[d] + at[d];
      run.target = run.target * grid.shape[d] + start[d] + at[d];
    }
    runs.push_back(run);
    size_t d = outer;
    while (d-- > 1 && ++at[d] == size[d]) at[d] = 0;
    if (d == 0) return runs;
  }
}

}  // namespace

ReadCost& thread_cost() {
  static thread_local ReadCost cost;
  return cost;
}

RowReader::RowReader(std::string dataset, Storage storage)
    : dataset_(std::move(dataset)), storage_(std::move(storage)),
      decoder_(storage_.filters, static_cast<size_t>(storage_.chunk_bytes())),
      record_bytes_(static_cast<int64_t>(storage_.fill.size())),
      chunk_row_bytes_(product(storage_.grid.chunk, 1) * record_bytes_) {
  chunk_rows_ = has_chunks() ? storage_.grid.chunk[0] : std::max<int64_t>(1, kPieceBytes / std::max<int64_t>(1, chunk_row_bytes_));
  const auto counts = storage_.grid.counts();
  const int64_t chunks_of_row = product(counts, 1);
  for (int64_t i = 0; i < chunks_of_row; ++i) runs_.push_back(runs_of(storage_.grid, storage_.grid.start(i)));
}

bool RowReader::has_chunks() const {
  return storage_.kind == Storage::Kind::chunked || storage_.kind == Storage::Kind::library_chunks;
}

int64_t RowReader::scratch_bytes() const {
  return has_chunks() ? static_cast<int64_t>(decoder_.scratch_bytes()) : chunk_rows_ * chunk_row_bytes_;
}

std::string RowReader::chunk_name(int64_t chunk) const {
  const int64_t first = storage_.grid.start(chunk)[0];
  return c10::str("dataset '", dataset_, "', chunk ", chunk, " (rows ", first, " to ",
                  std::min(first + storage_.grid.chunk[0], storage_.grid.shape[0]) - 1, ")");
}

void RowReader::fill(char* out, int64_t bytes) const {
  for (int64_t at = 0; at < bytes; at += record_bytes_) std::memcpy(out + at, storage_.fill.data(), storage_.fill.size());
}

/// Decodes a whole chunk of the grid to out.
void RowReader::decode(const hdf5::RawFile& file, const StoredChunk& find, int64_t chunk, char* out) const {
  try {
    hdf5::Extent extent;
    std::vector<char> found;
    In stored;
    if (storage_.kind == Storage::Kind::library_chunks) {
      found = find(storage_.grid.start(chunk), extent.filter_mask);
      stored = found;
    } else {
      extent = storage_.extents[static_cast<size_t>(chunk)];
      char* buffer = thread_buffer(Slot::stored, extent.bytes);
      read_bytes(file, extent.offset, extent.bytes, buffer);
      stored = In(buffer, extent.bytes);
    }
    if (stored.empty()) return fill(out, storage_.chunk_bytes());
    const Stopwatch watch(thread_cost().decode_ns);
    thread_cost().decoded_bytes += storage_.chunk_bytes();
    decoder_.decode(stored, extent.filter_mask, out);
  } catch (const BadData& reason) {
    throw Error(c10::str(file.path(), ": ", chunk_name(chunk), " cannot be read (", reason.what(),
                         "). The file is damaged or its disk failed: copy or make it again."));
  }
}

/// Reads a part of a chunk that is stored as it is.
/// @return  whether it is
bool RowReader::read_plain(const hdf5::RawFile& file, int64_t chunk, int64_t first_byte, int64_t bytes, char* out) const {
  if (storage_.kind == Storage::Kind::compact) {
    std::memcpy(out, storage_.content.data() + first_byte, static_cast<size_t>(bytes));
    return true;
  }
  if (storage_.kind == Storage::Kind::library_chunks) return false;
  const hdf5::Extent& extent = storage_.extents[storage_.kind == Storage::Kind::contiguous ? 0 : static_cast<size_t>(chunk)];
  if (extent.bytes == 0) {
    fill(out, bytes);
    return true;
  }
  const bool plain = storage_.kind == Storage::Kind::contiguous ||
                     (decoder_.is_plain(extent.filter_mask) && extent.bytes == static_cast<uint64_t>(storage_.chunk_bytes()));
  if (plain) {
    read_bytes(file, extent.offset + static_cast<uint64_t>(first_byte), static_cast<size_t>(bytes), out);
    thread_cost().decoded_bytes += bytes;
  }
  return plain;
}

bool RowReader::expect(const hdf5::RawFile& file, int64_t first_row, int64_t num_rows) const {
  if (num_rows <= 0) return false;
  if (storage_.kind == Storage::Kind::contiguous && storage_.extents[0].bytes > 0)
    return file.expect(storage_.extents[0].offset + static_cast<uint64_t>(first_row * chunk_row_bytes_), static_cast<size_t>(num_rows * chunk_row_bytes_));
  if (storage_.kind != Storage::Kind::chunked) return false;
  bool any = false;
  const auto width = static_cast<int64_t>(runs_.size());
  for (int64_t i = first_row / chunk_rows_ * width; i < ((first_row + num_rows - 1) / chunk_rows_ + 1) * width; ++i)
    if (const hdf5::Extent& extent = storage_.extents[static_cast<size_t>(i)]; extent.bytes > 0) any |= file.expect(extent.offset, extent.bytes);
  return any;
}

void RowReader::visit(const hdf5::RawFile& file, const StoredChunk& find, int64_t first_row, int64_t num_rows,
                      const std::function<void(const RowBlock&)>& visit) const {
  const int64_t end = first_row + num_rows;
  const auto width = static_cast<int64_t>(runs_.size());
  for (int64_t row = first_row; row < end;) {
    const int64_t chunk_row = row / chunk_rows_, next = std::min(end, (chunk_row + 1) * chunk_rows_);
    const int64_t skip = row - chunk_row * chunk_rows_, bytes = (next - row) * chunk_row_bytes_;
    for (int64_t i = 0; i < width; ++i) {
      const int64_t chunk = chunk_row * width + i;
      RowBlock block{nullptr, row, next - row, chunk_row_bytes_, &runs_[static_cast<size_t>(i)]};
      const int64_t first_byte = (has_chunks() ? skip : row) * chunk_row_bytes_;
      char* buffer = thread_buffer(Slot::chunk, static_cast<size_t>(bytes));
      block.data = buffer;
      if (!read_plain(file, chunk, first_byte, bytes, buffer)) {
        buffer = thread_buffer(Slot::chunk, static_cast<size_t>(storage_.chunk_bytes()));
        decode(file, find, chunk, buffer);
        block.data = buffer + first_byte;
      }
      visit(block);
    }
    row = next;
  }
}

void RowReader::read(const hdf5::RawFile& file, const StoredChunk& find, int64_t first_row, int64_t num_rows, char* out) const {
  const int64_t end = first_row + num_rows;
  if (!has_chunks()) {
    read_plain(file, 0, first_row * chunk_row_bytes_, num_rows * chunk_row_bytes_, out);
    return;
  }
  for (int64_t row = first_row; row < end;) {
    const int64_t chunk = row / chunk_rows_, next = std::min(end, (chunk + 1) * chunk_rows_);
    const int64_t first_byte = (row - chunk * chunk_rows_) * chunk_row_bytes_, bytes = (next - row) * chunk_row_bytes_;
    if (!read_plain(file, chunk, first_byte, bytes, out)) {
      const bool whole = bytes == storage_.chunk_bytes();
      char* target = whole ? out : thread_buffer(Slot::chunk, static_cast<size_t>(storage_.chunk_bytes()));
      decode(file, find, chunk, target);
      if (!whole) std::memcpy(out, target + first_byte, static_cast<size_t>(bytes));
    }
    out += bytes;
    row = next;
  }
}

}  // namespace tev::decode
