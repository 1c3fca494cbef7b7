#pragma once
// What repacking reads: events as named columns, in the order of the files or of a shuffle.

#include "base/messages.hpp"
#include "data/order/shuffle_plan.hpp"
#include "data/repack/column_writer.hpp"
#include "data/stream/batch_stream.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <vector>

namespace tev {

/// A column of the output.
struct RepackColumn {
  WrittenColumn written;  ///< its dataset is its name among the columns of a batch, too; `like` is a dataset of the first file
  std::string extents;    ///< in the output, which rows belong to an event; empty: one row an event
};

/// Events of a batch: about a mebibyte of average ones, and not more than four of the largest, but for a single one.
inline int64_t repack_batch_size(int64_t bytes_per_event, int64_t most_event_bytes) {
  constexpr int64_t most = 65536, bytes = int64_t{1} << 20;
  const int64_t events = std::clamp<int64_t>(std::min(bytes / bytes_per_event, 4 * bytes / most_event_bytes), 1, most);
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(events)));
}

/// Of the byte budget, the part that is left to writing.
inline constexpr int64_t kWritingDivisor = 4;

/// Memory and threads of repacking.
struct RepackResources {
  int64_t budget_mib = 0;  ///< as data.budget_mib; of all that is held
  int64_t workers = 2;
};

/// How events are ordered.
struct RepackOrder {
  bool shuffled = true;
  uint64_t seed = 1;
  int64_t shuffle_rows = 0;  ///< as data.shuffle_rows
};

class RepackInput {
 public:
  virtual ~RepackInput() = default;

  const std::vector<RepackColumn>& columns() const { return columns_; }
  /// Of the first file: datasets that go along as they are, groups whose attributes do, and what people should know.
  const std::vector<std::string>& copied() const { return copied_; }
  const std::vector<std::string>& groups() const { return groups_; }
  const std::vector<std::string>& notes() const { return notes_; }
  /// What is read: the files behind virtual ones in their place.
  virtual std::vector<std::string> file_paths() const = 0;
  /// The first file.
  virtual std::string described_by() const = 0;
  virtual int64_t num_events() const = 0;
  /// Uncompressed, about.
  virtual int64_t bytes_per_event() const = 0;
  /// In memory, where events are largest: a batch in the order of the files may hold those alone.
  virtual int64_t most_event_bytes() const = 0;
  virtual uint64_t fingerprint() = 0;
  /// The thread of its HDF5 calls, to be used for the output too.
  virtual CatalogThread& catalog_thread() = 0;

  /// The part of the byte budget that it leaves to writing.
  virtual int64_t writing_bytes() const = 0;

  /// How its events are shuffled.
  virtual ShuffleSpec shuffle(const RepackOrder& order) const = 0;
  /// Events from a step on.
  virtual std::unique_ptr<BatchStream> stream(const RepackOrder& order, int64_t batch_size, int64_t first_step) = 0;
  /// The columns of a batch of it, by their datasets.
  virtual Columns columns_of(Batch batch) const { return std::move(batch.inputs); }

 protected:
  std::vector<RepackColumn> columns_;
  std::vector<std::string> copied_, groups_, notes_;
};

}  // namespace tev
