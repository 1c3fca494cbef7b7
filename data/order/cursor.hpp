#pragma once
// Where a run stands in its data.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tev {

/// The next step to take, and all that the order of samples depends on. A plain value: the trainer holds it, so that
/// prefetching cannot corrupt it, and a checkpoint saves it.
struct Cursor {
  static constexpr uint64_t kVersion = 2;

  uint64_t version = kVersion;  ///< of the order itself: another version means other batches
  uint64_t seed = 0;
  int64_t epoch = 0;            ///< from 0
  int64_t step = 0;             ///< inside the epoch, from 0
  int64_t lanes = 1;
  int64_t window_rows = 1;
  int64_t batch_size = 1;
  uint64_t fingerprint = 0;     ///< of the data, from the catalog

  friend bool operator==(const Cursor&, const Cursor&) = default;
};
static_assert(sizeof(Cursor) < 128);

/// Field names and values, for a JSON object or any other table.
using CursorFields = std::vector<std::pair<std::string, uint64_t>>;

CursorFields to_fields(const Cursor& cursor);

/// The inverse of to_fields; the order of the fields does not matter.
/// @throws tev::InputError for a field that is missing, unknown, given twice or out of range
Cursor from_fields(const CursorFields& fields);

/// Whether a run at `saved` may continue with the data and configuration of `current`; epoch and step are free.
/// @throws tev::InputError naming the field that differs, and both values
void check_compatible(const Cursor& saved, const Cursor& current);

}  // namespace tev
