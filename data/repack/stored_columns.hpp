#pragma once
// Which datasets of a file hold a row an event, which the rows of events, and what else is in it.

#include "data/readers/reader.hpp"
#include "data/repack/repack_input.hpp"

namespace tev {

/// What of a file is repacked as it is stored, and how.
struct StoredColumns {
  std::vector<RepackColumn> columns;
  std::vector<FieldRequest> requests;  ///< of each column: what is read
  std::vector<std::string> copied;   ///< datasets that belong to no event, taken as they are
  std::vector<std::string> groups;   ///< whose attributes go along
  std::vector<std::string> notes;    ///< for people
};

/// Sorts the datasets of a file. A group with a dataset `offsets` or `extents` holds the rows of events, by our own and larcv3's
/// convention; PyTables' indexes are left out, the column names of pandas copied. To be called on the catalog thread.
/// @param left_out, copied  datasets, or groups with all that is in them
/// @throws InputError  a dataset with another number of rows, or with values that cannot be moved: names them and what to do
/// Compares a later file with the first one: the same datasets, and the same content of those that are copied.
/// @throws InputError  naming the one that differs
void check_same_datasets(const std::string& first, const std::string& other, const std::vector<std::string>& left_out,
                         const std::vector<std::string>& copied);

StoredColumns stored_columns(const std::string& path, const std::vector<std::string>& left_out, const std::vector<std::string>& copied);

}  // namespace tev
