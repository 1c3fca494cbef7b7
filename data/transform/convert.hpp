#pragma once
// From the values of a range of events, as read, to ragged columns.

#include "base/batch.hpp"
#include "data/readers/reader.hpp"
#include "data/transform/raw_object.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tev {

class RowFilter;

/// Raw columns of the selected ones among a range of n events.
struct EventBlock {
  Columns raw;          ///< event [m, J]; ragged values [N, K] with offsets [m+1] int64; float32, contiguous
  at::Tensor selected;  ///< [m] int64, rising: which of the n events they are; undefined: all of them
  at::Tensor kept;      ///< [N] int64, rising: which of the rows of the labelled object that were read; undefined: all of them
};

/// Cuts, filters and checks what was read; may be called from several threads at once.
class Converter {
 public:
  /// @param select  expression over the raw columns of `event`; empty: every event
  /// @param labelled  the object whose rows have labels, so that it is wanted which of them are kept; empty: none
  /// @throws InputError  a mistake in `valid` or `select`, with its configuration key
  Converter(std::vector<RawObject> objects, const std::string& select, std::string labelled = "");
  ~Converter();
  Converter(Converter&&) noexcept;

  /// Drops events that are not selected and rows that are not valid; checks that what is left is finite.
  /// @param values       by object: [n, width], any real dtype, width a multiple of the number of columns (the same for `event`); or
  ///                     [rows, columns] with the offsets of each event's rows, or [values, 1] with those of its values
  /// @param keep         [n] bool: which events are wanted at all; undefined: all
  /// @param path         the file, for error messages
  /// @param first_event  index in the file of row 0, for error messages
  /// @throws InputError  a width that does not fit, NaN or infinity in a column
  EventBlock operator()(const std::map<std::string, FieldValues>& values, const std::string& path, int64_t first_event,
                        const at::Tensor& keep = {}) const;

 private:
  struct Rows;
  Rows rows_of(const RawObject& object, const FieldValues& values, const std::string& path, int64_t first_event) const;
  static Column ragged_column(const RawObject& object, const Rows& rows, const at::Tensor& valid, const std::vector<int64_t>& taken, const std::string& path,
                              int64_t first_event);
  static at::Tensor kept_rows(const Rows& rows, const at::Tensor& valid, const std::vector<int64_t>& taken);

  std::vector<RawObject> objects_;
  std::string labelled_;
  std::vector<std::unique_ptr<RowFilter>> valid_;  ///< by object; null: keep all
  std::unique_ptr<RowFilter> select_;
};

}  // namespace tev
