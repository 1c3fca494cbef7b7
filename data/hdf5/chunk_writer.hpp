#pragma once
// Writing chunks that are filtered already: the C API behind data/repack/column_writer.

#include "data/hdf5/filters.hpp"
#include "data/hdf5/types.hpp"

#include <map>
#include <string>
#include <vector>

namespace tev::hdf5 {

/// How a new dataset is stored.
struct ChunkLayout {
  std::vector<int64_t> row_shape;  ///< of a row, in records; empty: one record
  int64_t chunk_rows = 1;
  std::vector<Filter> filters;     ///< that whoever hands over chunks has applied
};

/// A new file. Its datasets grow by whole chunks, in order.
class ChunkWriter {
 public:
  /// @throws Error  the file cannot be created
  explicit ChunkWriter(const std::string& path);

  /// Creates a dataset of numbers (and its groups).
  void create(const std::string& dataset, Scalar scalar, const ChunkLayout& layout);
  /// Creates a dataset of extents_type().
  void create_extents(const std::string& dataset, const ChunkLayout& layout);
  /// Creates a dataset with the element type and the attributes of one in another file, as far as attributes mean something here:
  /// references do not.
  void create_like(const std::string& dataset, const File& file, const std::string& source, const ChunkLayout& layout);
  /// Copies a dataset as it is, or the attributes of a group ("/" is the file itself), which is created if it is not there.
  void copy_dataset(const File& from, const std::string& dataset);
  void copy_group_attributes(const File& from, const std::string& group);

  /// Appends a chunk.
  /// @param num_rows  of it that are there: chunk_rows in all but the last
  /// @param stored    all of it, filtered
  void append(const std::string& dataset, int64_t num_rows, const std::vector<char>& stored);

  /// Writes everything out. Here a full disk shows, at the latest.
  void close();

 private:
  struct Target {
    Handle handle;
    std::vector<int64_t> shape;
    int64_t chunk_rows;
  };
  Target& create(const std::string& dataset, int64_t type, const ChunkLayout& layout);

  std::string path_;
  Handle handle_;
  std::map<std::string, Target> targets_;
};

}  // namespace tev::hdf5
