#include "data/readers/record_file.hpp"

#include "base/check.hpp"
#include "base/stopwatch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tev {

namespace {

/// A file that was there when it was planned.
std::string planned_file(const std::string& path) {
  TEV_CHECK(::access(path.c_str(), R_OK) == 0, path, ": cannot be opened any more (", std::strerror(errno), "). Bring it back, or start without it.");
  return path;
}

/// Does a job on the catalog thread and counts what it takes there, apart from the time until it is done.
template <class Job>
auto call_library(CatalogThread& thread, Job&& job) {
  decode::ReadCost& cost = decode::thread_cost();
  const Stopwatch waited(cost.waited_ns);
  return thread.run([&] {
    const Stopwatch watch(cost.library_ns);
    return job();
  });
}

}  // namespace

RecordFile::RecordFile(const RecordPlan& plan, CatalogThread& thread) : plan_(plan), bytes_(planned_file(plan.path)), thread_(thread) {
  TEV_CHECK(bytes_.identity() == plan.identity, plan.path, ": has changed since it was opened first (", bytes_.identity().bytes,
            " bytes now, ", plan.identity.bytes, " before: something writes to it). Start again when it is complete.");
  if (std::none_of(plan.sources.begin(), plan.sources.end(), [](const Source& source) { return source.needs_library(); })) return;
  call_library(thread_, [this] {
    const auto file = hdf5::File::open(plan_.path);
    std::vector<std::unique_ptr<hdf5::Dataset>> datasets;  // closed on this thread should one of them fail
    for (const auto& source : plan_.sources)
      datasets.push_back(source.needs_library() ? std::make_unique<hdf5::Dataset>(file, source.path) : nullptr);
    datasets_ = std::move(datasets);
  });
}

RecordFile::~RecordFile() {
  if (!datasets_.empty()) thread_.run([this] { datasets_.clear(); });
}

decode::RowReader::StoredChunk RecordFile::find_chunk(size_t source) const {
  return [this, source](const std::vector<int64_t>& start, uint32_t& filter_mask) {
    return call_library(thread_, [&] { return datasets_[source]->read_stored_chunk(start, filter_mask); });
  };
}

void RecordFile::visit(size_t source, int64_t first_row, int64_t num_rows,
                       const std::function<void(const decode::RowBlock&)>& visit) const {
  const Source& from = plan_.sources[source];
  if (from.rows) {
    from.rows->visit(bytes_, find_chunk(source), first_row, num_rows, visit);
    return;
  }
  const std::vector<decode::Run> runs{{0, 0, from.records_per_row()}};
  const std::unique_ptr<char[]> records(new char[static_cast<size_t>(num_rows * from.row_bytes())]);
  call_library(thread_, [&] {
    if (from.as_bytes)
      datasets_[source]->read_stored(first_row, num_rows, records.get());
    else
      datasets_[source]->read(from.members, first_row, num_rows, records.get());
  });
  decode::thread_cost().decoded_bytes += num_rows * from.row_bytes();
  visit({records.get(), first_row, num_rows, from.row_bytes(), &runs});
}

void RecordFile::read_whole(size_t source, int64_t first_row, int64_t num_rows, char* out) const {
  plan_.sources[source].rows->read(bytes_, find_chunk(source), first_row, num_rows, out);
}

std::vector<int64_t> RecordFile::row_lengths(size_t source, int64_t first_row, int64_t num_rows) const {
  std::vector<int64_t> lengths;
  plan_.sources[source].references->visit(bytes_, find_chunk(source), first_row, num_rows, [&](const decode::RowBlock& block) {
    for (int64_t i = 0; i < block.num_rows; ++i) {
      uint32_t length = 0;  // little-endian, as everything in a file's own structure
      std::memcpy(&length, block.data + i * block.row_bytes, sizeof(length));
      lengths.push_back(length);
    }
  });
  return lengths;
}

std::vector<char> RecordFile::read_variable_length(size_t source, int64_t first_row, int64_t num_rows, std::vector<int64_t>& counts) const {
  std::vector<char> values = call_library(thread_, [&] { return datasets_[source]->read_variable_length(first_row, num_rows, counts); });
  decode::thread_cost().decoded_bytes += static_cast<int64_t>(values.size());
  return values;
}

}  // namespace tev
