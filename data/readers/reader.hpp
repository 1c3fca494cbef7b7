#pragma once
// A file layout: how the fields of a configuration are found in a file.

#include "data/catalog/catalog_thread.hpp"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace tev {

/// One field that somebody needs, as [events, values an event].
struct FieldRequest {
  /// stored: the smallest of float32, float64 and int64 that holds the stored numbers.
  enum class As { float32, int64, stored };

  std::string key;                   ///< configuration key for errors, e.g. data.objects.part.field
  std::string field;                 ///< as the configuration names it
  std::vector<std::string> members;  ///< members of a compound dataset, interleaved within an event (last one fastest)
  int64_t first = 0;                 ///< half-open range of the flattened values of an event
  int64_t last = -1;                 ///< -1: to the end
  As as = As::float32;

  /// Key of `members` (data.objects.part.columns, data.label.column) and of the range (.take, .index).
  std::string members_key() const;
  std::string range_key() const;
};

/// A field given in one word: "field", "field:index" or "field:member".
FieldRequest field_request(const std::string& key, const std::string& text, FieldRequest::As as = FieldRequest::As::float32);

/// One file, read for a fixed list of fields; may be used by many threads at once, but not by the catalog thread, which does
/// what only the HDF5 library can do and is waited for.
class Reader {
 public:
  virtual ~Reader() = default;

  virtual int64_t num_events() const = 0;
  /// Events of a storage chunk: the largest among the datasets needed; 0 where none is chunked.
  virtual int64_t chunk_events() const = 0;
  /// Bytes an event of the stored values that are needed, uncompressed.
  virtual int64_t bytes_per_event() const = 0;
  /// Values an event of each field, in the order of the requests.
  virtual std::vector<int64_t> widths() const = 0;
  /// Stored type of each field, for messages and fingerprints: "values_block_0 float32[804]".
  virtual std::vector<std::string> signatures() const = 0;

  /// All fields of a range of events, each dataset read once, whatever the number of fields in it.
  /// @return  a tensor [num_events, width] a request, of the type asked for, contiguous, CPU
  /// @throws Error       storage that cannot be read
  /// @throws InputError  a value asked for as int64 that is not an integer
  virtual std::vector<at::Tensor> read(int64_t first_event, int64_t num_events) const = 0;

  /// Gives the file descriptor back; reading opens the file again.
  virtual void close() = 0;
};

}  // namespace tev
