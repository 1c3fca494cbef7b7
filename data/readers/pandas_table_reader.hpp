#pragma once

#include "data/readers/record_reader.hpp"

namespace tev {

/// Layout of pandas `to_hdf(format="table")`: one PyTables table, whose members are pandas' blocks of columns.
/// The table is /table/table, else the only one in the file. A field is a member (values_block_0, or a data column).
/// With `columns`, the field is the table itself ("table") and the columns are its members.
FieldResolver pandas_table_fields(const std::shared_ptr<const hdf5::File>& file);

}  // namespace tev
