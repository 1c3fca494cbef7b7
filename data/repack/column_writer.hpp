#pragma once
// Columns of rows into a file, in chunks that are compressed on several threads.

#include "data/decode/chunk_encoder.hpp"
#include "data/hdf5/catalog_thread.hpp"
#include "data/hdf5/chunk_writer.hpp"
#include "data/stream/worker_pool.hpp"

#include <deque>
#include <future>
#include <optional>

namespace tev {

/// A dataset to be written.
struct WrittenColumn {
  std::string dataset;
  std::string like;                            ///< dataset of `from` whose element type and attributes it gets; empty: numbers
  hdf5::Scalar scalar = hdf5::Scalar::other;   ///< of these; other: extents
  std::vector<int64_t> row_shape;
  int64_t record_bytes = 0;
  int64_t chunk_rows = 1;

  int64_t row_bytes() const;
};

/// Writes beside the final name and takes it at close(), after fsync; without close() nothing is left behind. For one thread,
/// which must not be the catalog thread.
class ColumnWriter {
 public:
  /// @param from         file with the datasets of WrittenColumn::like; may be empty
  /// @param max_waiting  chunks that may wait for a thread or the disk
  ColumnWriter(std::string path, const std::string& from, std::vector<WrittenColumn> columns, const decode::Compression& compression,
               CatalogThread& thread, WorkerPool& workers, size_t max_waiting);
  ~ColumnWriter();
  ColumnWriter(const ColumnWriter&) = delete;
  ColumnWriter& operator=(const ColumnWriter&) = delete;

  /// What else of `from` goes along: datasets as they are, attributes of groups.
  void copy(const std::vector<std::string>& datasets, const std::vector<std::string>& groups);
  void append(size_t column, const char* rows, int64_t num_rows);
  /// Makes the file durable under its name.
  /// @throws Error  a full disk or another failure
  void close();

 private:
  struct Pending {
    std::vector<char> rows;
    int64_t num_rows = 0;
  };
  struct Chunk {
    size_t column;
    int64_t num_rows;
    std::future<std::vector<char>> stored;
  };
  void create();
  void discard();
  void submit(size_t column);
  void write_first();

  std::string path_, temporary_, from_;
  std::vector<WrittenColumn> columns_;
  std::vector<std::vector<hdf5::Filter>> filters_;
  std::vector<Pending> pending_;
  CatalogThread& thread_;
  WorkerPool& workers_;
  size_t max_waiting_;
  std::deque<Chunk> waiting_;
  std::optional<hdf5::ChunkWriter> file_;  // used on the catalog thread only
};

}  // namespace tev
