#pragma once
// A file layout: how the fields of a configuration are found in a file.

#include "data/hdf5/catalog_thread.hpp"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace tev {

/// How the rows of a flat dataset belong to events.
enum class RowsKind {
  none,     ///< they do not: one row an event
  offsets,  ///< [events + 1] (or [events]): rows offsets[i] to offsets[i + 1] - 1
  counts,   ///< [events]: as many rows follow each other; or [any, 2]: event, count
  extents,  ///< [events] records of first and N: rows first to first + N - 1
};

/// One field that somebody needs, as [events, values an event], or for flat datasets [rows, values a row].
struct FieldRequest {
  /// stored: the smallest of float32, float64 and int64 that holds the stored numbers. text: the bytes of text of a fixed length, as int64.
  /// bytes: whole records as they lie in the file, whatever their type; uint8.
  enum class As { float32, int64, stored, text, bytes };

  std::string key;                   ///< configuration key for errors, e.g. data.objects.part.field
  std::string field;                 ///< as the configuration names it
  std::vector<std::string> members;  ///< members of a compound dataset or columns of a group, interleaved within an event
  int64_t first = 0;                 ///< half-open range of the flattened values of an event or row
  int64_t last = -1;                 ///< -1: to the end
  As as = As::float32;
  bool one_row = false;              ///< refuse fields that have any number of rows an event
  RowsKind rows_kind = RowsKind::none;
  std::string rows{};                ///< the dataset that tells which rows belong to an event

  /// Key of `members` (data.objects.part.columns, data.label.column), of the range (.take, .index) and of `rows`.
  std::string members_key() const;
  std::string range_key() const;
  std::string rows_key() const;
};

/// A field given in one word: "field", "field:index" or "field:member".
FieldRequest field_request(const std::string& key, const std::string& text, FieldRequest::As as = FieldRequest::As::float32);

/// The values of a field for some events.
struct FieldValues {
  FieldValues() = default;
  FieldValues(at::Tensor values, at::Tensor offsets = {}) : values(std::move(values)), offsets(std::move(offsets)) {}

  at::Tensor values;   ///< [events, width], or [rows, width] of a flat dataset; contiguous, CPU
  at::Tensor offsets;  ///< [events + 1] int64: rows of each event; undefined: one row an event
};

/// Events that are cheap to read together.
struct UnitRange {
  int64_t first_event = 0;
  int64_t num_events = 0;
  int64_t stored_bytes = 0;  ///< of the values that are needed, uncompressed
  int64_t num_values = 0;    ///< numbers that reading gives
};

/// A unit is as many whole storage chunks as fit into this, at least one; or so many rows where nothing is chunked.
/// Large enough that the price of a read call is small, small enough that a shuffle window mixes many of them. It fixes
/// the order of the events: changing it changes the result of a seed.
inline constexpr int64_t kUnitBytes = 512 * 1024;

/// One file, read for a fixed list of fields; may be used by many threads at once, but not by the catalog thread, which does
/// what only the HDF5 library can do and is waited for.
class Reader {
 public:
  virtual ~Reader() = default;

  virtual int64_t num_events() const = 0;
  /// The events of the file, cut where reading both sides alone costs least.
  virtual std::vector<UnitRange> units() const = 0;
  /// Values an event (or row) of each field, in the order of the requests.
  virtual std::vector<int64_t> widths() const = 0;
  /// Types of the values that reading gives.
  virtual std::vector<at::ScalarType> types() const = 0;
  /// The files whose events, one file after the other, are those of this one, with the same datasets: of virtual datasets. Usually none.
  virtual std::vector<std::string> parts() const = 0;
  /// Memory that a thread keeps for decoding, once it has read.
  virtual int64_t scratch_bytes() const = 0;
  /// Memory that the library keeps for decoding, on the catalog thread.
  virtual int64_t library_bytes() const = 0;
  /// Memory that knowing where everything lies takes.
  virtual int64_t table_bytes() const = 0;
  /// Datasets that only the HDF5 library can read, on the catalog thread, and why: "'/tracks' (the filter szip)".
  virtual std::vector<std::string> library_reads() const = 0;
  /// Stored type of each field, for messages and fingerprints: "values_block_0 float32[804]".
  virtual std::vector<std::string> signatures() const = 0;

  /// All fields of a range of events, each dataset read once, whatever the number of fields in it.
  /// @return  values a request, of the type asked for
  /// @throws Error       storage that cannot be read
  /// @throws InputError  a value asked for as int64 that is not an integer; rows of an event that are not there
  virtual std::vector<FieldValues> read(int64_t first_event, int64_t num_events) const = 0;

  /// Has the system fetch from the disk what reading a unit takes, without waiting for it.
  /// @param unit  its place in units()
  /// @return  whether the system does not hold all of it
  virtual bool expect(size_t unit) const = 0;

  /// What reading no events gives: tensors without rows. Touches no file.
  virtual std::vector<FieldValues> nothing() const = 0;

  /// Gives the file descriptor back; reading opens the file again.
  virtual void close() = 0;
};

}  // namespace tev
