#pragma once
// A dataset opened for reading: rows of records.

#include "data/hdf5/file.hpp"
#include "data/hdf5/types.hpp"

#include <optional>

namespace tev::hdf5 {

/// The dimensions of an open dataset.
std::vector<int64_t> shape_of(int64_t dataset, const std::string& where);

/// One open dataset. The first dimension is the event; the others are inside the event.
class Dataset {
 public:
  /// @throws InputError  no such dataset, no dimension at all, or a compression filter without a plugin
  Dataset(std::shared_ptr<const File> file, const std::string& path);

  const std::string& path() const { return path_; }
  const File& file() const { return *file_; }
  int64_t id() const { return handle_.id(); }
  const RecordType& record() const { return record_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t num_rows() const { return shape_.front(); }
  /// Records in a row: the product of the dimensions after the first.
  int64_t records_per_row() const;
  /// Rows of a storage chunk; 0 where the dataset is not chunked.
  int64_t chunk_rows() const { return chunk_rows_; }

  /// Bytes of a row in memory for the chosen members.
  int64_t row_bytes(const std::vector<int64_t>& members) const;
  /// Reads [num_rows, records_per_row] records of the chosen members, in native types, packed, into `out`.
  /// @throws Error  names the chunk that cannot be read and why
  void read(const std::vector<int64_t>& members, int64_t first_row, int64_t num_rows, void* out) const;

  /// Reads [num_rows, records_per_row] whole records as they are stored, without conversion.
  void read_stored(int64_t first_row, int64_t num_rows, void* out) const;

  /// A chunk as it is stored, compressed.
  /// @param start        its first record in each dimension
  /// @param filter_mask  set: bit i, filter i was left out
  /// @return             empty if it was never written
  std::vector<char> read_stored_chunk(const std::vector<int64_t>& start, uint32_t& filter_mask) const;

  /// Values of rows of variable length, in their native kind, one row after the other.
  /// @param counts  set: how many each row has
  std::vector<char> read_variable_length(int64_t first_row, int64_t num_rows, std::vector<int64_t>& counts) const;

 private:
  /// The library's reason for a failure, if there is one.
  std::optional<std::string> try_read(int64_t memory_type, int64_t first_row, int64_t num_rows, void* out) const;
  [[noreturn]] void throw_read_error(std::string reason, int64_t memory_type, int64_t first_row, int64_t num_rows,
                                     void* out) const;

  std::shared_ptr<const File> file_;
  std::string path_;
  Handle handle_;
  RecordType record_;
  std::vector<int64_t> shape_;
  int64_t chunk_rows_ = 0;
};

}  // namespace tev::hdf5
