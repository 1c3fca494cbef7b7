#pragma once
// Rows of a dataset out of its chunks, without the library: from any thread.

#include "data/decode/chunk_decoder.hpp"
#include "data/hdf5/storage.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tev::hdf5 {
class RawFile;
}

namespace tev::decode {

/// Records of a row that lie next to each other, in the chunk as in the row.
struct Run {
  int64_t source = 0;  ///< records from where the row begins in the chunk
  int64_t target = 0;  ///< records from where the row begins
  int64_t count = 1;
};

/// The part of some rows that a chunk holds.
struct RowBlock {
  const char* data = nullptr;  ///< row i, record `source` of a run: data + i * row_bytes + source * bytes of a record
  int64_t first_row = 0;
  int64_t num_rows = 0;
  int64_t row_bytes = 0;
  const std::vector<Run>* runs = nullptr;
};

/// What reading has cost the calling thread so far.
struct ReadCost {
  int64_t read_ns = 0;
  int64_t decode_ns = 0;
  int64_t library_ns = 0;     ///< calls of the HDF5 library, on its thread
  int64_t waited_ns = 0;      ///< until they were done, their turn included
  int64_t stored_bytes = 0;   ///< as they lie in the file
  int64_t decoded_bytes = 0;  ///< uncompressed
};
ReadCost& thread_cost();

class RowReader {
 public:
  /// A chunk as it is stored, for datasets whose chunks only the library finds.
  using StoredChunk = std::function<std::vector<char>(const std::vector<int64_t>& start, uint32_t& filter_mask)>;

  /// @param dataset  its path, for messages
  /// @param storage  of a kind other than library; its filters need no library
  RowReader(std::string dataset, hdf5::Storage storage);

  const hdf5::Storage& storage() const { return storage_; }
  /// Whether every row lies in one piece, so that read() can be used.
  bool has_whole_rows() const { return runs_.size() == 1 && runs_[0].size() == 1; }

  /// Calls visit(block) for every chunk that holds a part of the rows, in order. A block lasts until the call returns.
  /// @param find   for Kind::library_chunks
  /// @throws Error  names file, dataset, chunk and reason
  void visit(const hdf5::RawFile& file, const StoredChunk& find, int64_t first_row, int64_t num_rows,
             const std::function<void(const RowBlock&)>& visit) const;

  /// Copies whole rows, as they are stored, to out [num_rows, bytes of a row].
  void read(const hdf5::RawFile& file, const StoredChunk& find, int64_t first_row, int64_t num_rows, char* out) const;

  /// Has the system fetch what reading the rows takes; see RawFile::expect.
  bool expect(const hdf5::RawFile& file, int64_t first_row, int64_t num_rows) const;

  /// Memory that a thread keeps for reading such chunks.
  int64_t scratch_bytes() const;

 private:
  bool has_chunks() const;
  void decode(const hdf5::RawFile& file, const StoredChunk& find, int64_t chunk, char* out) const;
  bool read_plain(const hdf5::RawFile& file, int64_t chunk, int64_t first_byte, int64_t bytes, char* out) const;
  void fill(char* out, int64_t bytes) const;
  std::string chunk_name(int64_t chunk) const;

  std::string dataset_;
  hdf5::Storage storage_;
  ChunkDecoder decoder_;
  int64_t record_bytes_;
  int64_t chunk_rows_;       ///< of the grid; of a contiguous dataset, as many as are read at a time
  int64_t chunk_row_bytes_;  ///< of a row within a chunk
  std::vector<std::vector<Run>> runs_;  ///< by the chunk's place among those of the same rows
};

}  // namespace tev::decode
