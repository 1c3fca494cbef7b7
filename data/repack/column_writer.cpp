#include "data/repack/column_writer.hpp"

#include "base/durable_rename.hpp"

#include <unistd.h>

#include <algorithm>

namespace tev {

int64_t WrittenColumn::row_bytes() const {
  int64_t bytes = record_bytes;
  for (const int64_t n : row_shape) bytes *= n;
  return bytes;
}

ColumnWriter::ColumnWriter(std::string path, const std::string& from, std::vector<WrittenColumn> columns,
                           const decode::Compression& compression, CatalogThread& thread, WorkerPool& workers, size_t max_waiting)
    : path_(std::move(path)), temporary_(path_ + ".tmp"), from_(from), columns_(std::move(columns)), pending_(columns_.size()),
      thread_(thread), workers_(workers), max_waiting_(max_waiting) {
  for (const auto& column : columns_) filters_.push_back(decode::filters_for(compression, column.record_bytes));
  try {
    thread_.run([this] { create(); });
  } catch (...) {
    discard();
    throw;
  }
}

ColumnWriter::~ColumnWriter() {
  for (const auto& chunk : waiting_) chunk.stored.wait();  // their threads read the columns
  if (file_) discard();
}

void ColumnWriter::create() {
  file_.emplace(temporary_);
  const auto source = from_.empty() ? nullptr : hdf5::File::open(from_);
  for (size_t i = 0; i < columns_.size(); ++i) {
    const hdf5::ChunkLayout layout{columns_[i].row_shape, columns_[i].chunk_rows, filters_[i]};
    if (!columns_[i].like.empty())
      file_->create_like(columns_[i].dataset, *source, columns_[i].like, layout);
    else if (columns_[i].scalar != hdf5::Scalar::other)
      file_->create(columns_[i].dataset, columns_[i].scalar, layout);
    else
      file_->create_extents(columns_[i].dataset, layout);
  }
}

void ColumnWriter::discard() {
  thread_.run([this] { file_.reset(); });
  ::unlink(temporary_.c_str());
}

void ColumnWriter::copy(const std::vector<std::string>& datasets, const std::vector<std::string>& groups) {
  thread_.run([&] {
    const auto source = hdf5::File::open(from_);
    for (const auto& dataset : datasets) file_->copy_dataset(*source, dataset);
    for (const auto& group : groups) file_->copy_group_attributes(*source, group);
  });
}

void ColumnWriter::append(size_t column, const char* rows, int64_t num_rows) {
  const int64_t row_bytes = columns_[column].row_bytes(), chunk_rows = columns_[column].chunk_rows;
  Pending& pending = pending_[column];
  while (num_rows > 0) {
    if (pending.num_rows == 0) pending.rows.reserve(static_cast<size_t>(chunk_rows * row_bytes));
    const int64_t taken = std::min(num_rows, chunk_rows - pending.num_rows);
    pending.rows.insert(pending.rows.end(), rows, rows + taken * row_bytes);
    pending.num_rows += taken;
    rows += taken * row_bytes;
    num_rows -= taken;
    if (pending.num_rows == chunk_rows) submit(column);
  }
}

/// Hands the rows that are there to a worker, as a whole chunk.
void ColumnWriter::submit(size_t column) {
  Pending& pending = pending_[column];
  pending.rows.resize(static_cast<size_t>(columns_[column].chunk_rows * columns_[column].row_bytes()));
  auto task = std::make_shared<std::packaged_task<std::vector<char>()>>(
      [&filters = filters_[column], rows = std::move(pending.rows)]() mutable { return decode::encode(filters, std::move(rows)); });
  waiting_.push_back({column, pending.num_rows, task->get_future()});
  workers_.submit([task] { (*task)(); });
  pending = {};
  while (waiting_.size() > max_waiting_) write_first();
}

void ColumnWriter::write_first() {
  Chunk chunk = std::move(waiting_.front());
  waiting_.pop_front();
  const std::vector<char> stored = chunk.stored.get();
  thread_.run([&] { file_->append(columns_[chunk.column].dataset, chunk.num_rows, stored); });
}

void ColumnWriter::close() {
  for (size_t i = 0; i < columns_.size(); ++i)
    if (pending_[i].num_rows > 0) submit(i);
  while (!waiting_.empty()) write_first();
  thread_.run([this] {
    file_->close();
    file_.reset();
  });
  try {
    sync_file(temporary_);
    rename_durably(temporary_, path_);
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
}

}  // namespace tev
