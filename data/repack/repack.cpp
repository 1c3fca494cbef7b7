#include "data/repack/repack.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>

namespace tev {
namespace {

constexpr int64_t kChunkBytes = int64_t{1} << 20;
/// Of all columns of one row an event beside ragged ones: smaller chunks cost more to find than to decode.
constexpr int64_t kLeastChunkBytes = int64_t{1} << 17;
/// For each thread that compresses.
constexpr int64_t kWaitingChunks = 2;

int64_t power_of_two_below(int64_t n) { return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(1, n)))); }

/// Bytes of a row of all columns with the same extents; under "": of an event.
std::map<std::string, int64_t> bytes_of_rows(const std::vector<RepackColumn>& columns) {
  std::map<std::string, int64_t> bytes;
  for (const auto& column : columns) bytes[column.extents] += column.written.row_bytes();
  return bytes;
}

/// Where the rows of an event begin, and how many they are.
struct [[gnu::packed]] Extent {
  uint64_t first;
  uint32_t rows;
};

/// The rows of events that one dataset of extents divides. An event that fits into a chunk never crosses the end of one: what is left
/// of the chunk stays zero, so that no chunk is decoded for a part of an event.
struct Rows {
  std::string extents;
  int64_t chunk_rows = 1;
  std::vector<size_t> columns{};  ///< among those written
  size_t extents_column = 0;
  int64_t end = 0;                ///< rows so far
};

std::vector<Rows> rows_of(const std::vector<RepackColumn>& columns) {
  std::vector<Rows> result;
  for (const auto& [extents, bytes] : bytes_of_rows(columns)) {
    if (extents.empty()) continue;
    Rows rows{extents, power_of_two_below(kChunkBytes / bytes)};
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].extents == extents) rows.columns.push_back(i);
    rows.extents_column = columns.size() + result.size();
    result.push_back(std::move(rows));
  }
  return result;
}

std::vector<WrittenColumn> written_columns(const std::vector<RepackColumn>& columns, const std::vector<Rows>& divided, const RepackPlan& plan) {
  std::vector<WrittenColumn> written;
  for (const auto& column : columns) {
    written.push_back(column.written);
    written.back().chunk_rows = plan.events_per_chunk;
  }
  for (const auto& rows : divided) {
    for (const size_t i : rows.columns) written[i].chunk_rows = rows.chunk_rows;
    written.push_back({rows.extents, "", hdf5::Scalar::other, {}, sizeof(Extent), plan.events_per_chunk});
  }
  return written;
}

/// Threads that compress: as many as there is memory for, besides the chunk that each column has begun and the one that goes to the disk.
int64_t compressing_threads(const RepackInput& input, const RepackPlan& plan, const RepackJob& job) {
  int64_t begun = 0, largest = 0;
  for (const auto& column : written_columns(input.columns(), rows_of(input.columns()), plan)) {
    const int64_t bytes = column.chunk_rows * column.row_bytes();
    begun += bytes;
    largest = std::max(largest, bytes);
  }
  const int64_t of_thread = (kWaitingChunks + 1) * largest + decode::compressor_bytes(job.compression, largest), others = begun + largest;
  const int64_t available = input.writing_bytes();
  TEV_CHECK_INPUT(others + of_thread <= available, "--budget-mib: chunks that wait to be written take ", (others + of_thread) >> 20, " MiB, of ",
                  available >> 20, " MiB for them (a quarter of the budget). Raise --budget-mib.");
  return std::clamp<int64_t>((available - others) / of_thread, 1, job.workers);
}

/// One file being written.
class Shard {
 public:
  Shard(RepackInput& input, const RepackPlan& plan, const RepackJob& job, const std::string& path, WorkerPool& workers, int64_t max_waiting)
      : columns_(input.columns()), rows_(rows_of(columns_)),
        writer_(path, input.described_by(), written_columns(columns_, rows_, plan), job.compression, input.catalog_thread(), workers,
                static_cast<size_t>(max_waiting)) {
    writer_.copy(input.copied(), input.groups());
  }

  void append(const Columns& batch) {
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].extents.empty()) append(i, batch, 0, batch.at(columns_[i].written.dataset).values.size(0));
    for (auto& rows : rows_) append(rows, batch);
  }

  void close() { writer_.close(); }

 private:
  void append(size_t column, const Columns& batch, int64_t first_row, int64_t num_rows) {
    const WrittenColumn& written = columns_[column].written;
    const auto* values = static_cast<const char*>(batch.at(written.dataset).values.const_data_ptr());
    writer_.append(column, values + first_row * written.row_bytes(), num_rows);
  }

  void append(Rows& rows, const Columns& batch) {
    const Column& any = batch.at(columns_[rows.columns.front()].written.dataset);
    const auto* offset = any.offsets.const_data_ptr<int64_t>();
    const int64_t events = any.offsets.numel() - 1;
    std::vector<Extent> extents;
    for (int64_t event = 0, begin = 0; event < events; ++event) {  // rows from begin on wait to be appended
      const int64_t count = offset[event + 1] - offset[event], in_chunk = rows.end % rows.chunk_rows;
      if (count <= rows.chunk_rows && in_chunk + count > rows.chunk_rows) {
        append_rows(rows, batch, begin, offset[event]);
        begin = offset[event];
        static const std::vector<char> zeros(static_cast<size_t>(kChunkBytes));
        for (const size_t i : rows.columns) writer_.append(i, zeros.data(), rows.chunk_rows - in_chunk);
        rows.end += rows.chunk_rows - in_chunk;
      }
      TEV_CHECK_INPUT(count <= std::numeric_limits<uint32_t>::max(), rows.extents, ": an event has ", count,
                      " rows (extents count up to 2^32 - 1). Leave it out.");
      extents.push_back({static_cast<uint64_t>(rows.end), static_cast<uint32_t>(count)});
      rows.end += count;
      if (event + 1 == events) append_rows(rows, batch, begin, offset[events]);
    }
    writer_.append(rows.extents_column, reinterpret_cast<const char*>(extents.data()), events);
  }

  void append_rows(const Rows& rows, const Columns& batch, int64_t begin, int64_t end) {
    for (const size_t i : rows.columns) append(i, batch, begin, end - begin);
  }

  const std::vector<RepackColumn>& columns_;
  std::vector<Rows> rows_;
  ColumnWriter writer_;
};

}  // namespace

RepackPlan plan_repack(const RepackInput& input, int64_t shard_bytes) {
  RepackPlan plan;
  const int64_t event_bytes = input.bytes_per_event();
  plan.batch_size = repack_batch_size(event_bytes, input.most_event_bytes());
  plan.num_steps = (input.num_events() + plan.batch_size - 1) / plan.batch_size;
  plan.steps_per_shard = shard_bytes > 0 ? std::max<int64_t>(1, shard_bytes / (plan.batch_size * event_bytes)) : plan.num_steps;
  plan.num_shards = (plan.num_steps + plan.steps_per_shard - 1) / plan.steps_per_shard;
  const auto bytes = bytes_of_rows(input.columns());
  const auto of_event = bytes.find("");
  const int64_t least = bytes.size() > 1 ? kLeastChunkBytes / (of_event == bytes.end() ? static_cast<int64_t>(sizeof(Extent)) : of_event->second) : 1;
  plan.events_per_chunk = power_of_two_below(std::max(kChunkBytes / event_bytes, least));
  return plan;
}

std::optional<int64_t> repack(RepackInput& input, const RepackPlan& plan, const RepackJob& job, Messages& messages) {
  const int64_t threads = compressing_threads(input, plan, job);
  WorkerPool workers(threads);
  const int64_t first_step = job.first_shard * plan.steps_per_shard;
  const auto stream = input.stream(job.order, plan.batch_size, first_step);
  std::optional<Shard> shard;
  int64_t written = 0, step = first_step;
  messages.progress("repack: writing", std::min(input.num_events(), step * plan.batch_size), input.num_events(), "events");
  for (; auto batch = stream->next(); ++step) {
    if (job.stop()) return std::nullopt;
    if (!shard) shard.emplace(input, plan, job, job.path(step / plan.steps_per_shard), workers, kWaitingChunks * threads);
    const int64_t events = batch->size();
    if (events > 0) shard->append(input.columns_of(std::move(*batch)));
    written += events;
    messages.progress("repack: writing", std::min(input.num_events(), (step + 1) * plan.batch_size), input.num_events(), "events");
    TEV_CHECK_INPUT(written > 0 || first_step > 0 || step + 1 != plan.num_steps, "repack: none of the ", input.num_events(),
                    " events is left (data.select and data.label leave them out). Correct the configuration.");
    if ((step + 1) % plan.steps_per_shard != 0 && step + 1 != plan.num_steps) continue;
    shard->close();
    shard.reset();
  }
  return written;
}

std::optional<EventDigest> digest_of(RepackInput& input, const std::string& name, const std::function<bool()>& stop, Messages& messages) {
  const RepackPlan plan = plan_repack(input, 0);
  const auto stream = input.stream({.shuffled = false}, plan.batch_size, 0);
  EventDigest digest;
  messages.progress("repack: checking " + name, 0, input.num_events(), "events");
  for (int64_t step = 1; auto batch = stream->next(); ++step) {
    if (stop()) return std::nullopt;
    if (batch->size() > 0) digest.add(input.columns_of(std::move(*batch)));
    messages.progress("repack: checking " + name, std::min(input.num_events(), step * plan.batch_size), input.num_events(), "events");
  }
  return digest;
}

}  // namespace tev
