#pragma once
// The file of a plan while it is open.

#include "data/readers/record_plan.hpp"

#include <memory>

namespace tev {

/// Its bytes, and those of its datasets that the HDF5 library must read. For many threads at once, but not the catalog thread.
class RecordFile {
 public:
  /// @throws InputError  it is gone
  /// @throws Error       it is not the file that was planned
  RecordFile(const RecordPlan& plan, CatalogThread& thread);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  /// Calls visit for every block of the rows that lies in one chunk.
  void visit(size_t source, int64_t first_row, int64_t num_rows, const std::function<void(const decode::RowBlock&)>& visit) const;

  /// Copies whole rows as they are stored; only where Source::rows has them whole.
  void read_whole(size_t source, int64_t first_row, int64_t num_rows, char* out) const;

  /// Has the system fetch what reading the rows takes; only of sources that need no library.
  bool expect(size_t source, int64_t first_row, int64_t num_rows) const { return plan_.sources[source].rows->expect(bytes_, first_row, num_rows); }

  /// How many values each row of variable length has; only where Source::references are known. Reads none of them.
  std::vector<int64_t> row_lengths(size_t source, int64_t first_row, int64_t num_rows) const;

  /// Values of rows of variable length, in native numbers, and how many each row has.
  std::vector<char> read_variable_length(size_t source, int64_t first_row, int64_t num_rows, std::vector<int64_t>& counts) const;

 private:
  decode::RowReader::StoredChunk find_chunk(size_t source) const;

  const RecordPlan& plan_;
  hdf5::RawFile bytes_;
  CatalogThread& thread_;
  std::vector<std::unique_ptr<hdf5::Dataset>> datasets_;  ///< by source; null: not needed
};

}  // namespace tev
