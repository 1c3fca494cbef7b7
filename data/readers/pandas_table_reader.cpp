#include "data/readers/pandas_table_reader.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/readers/dataset_field.hpp"

namespace tev {
namespace {

constexpr const char* kUsualTable = "/table/table";

/// PyTables marks its tables by an attribute; the index arrays beside them carry other marks.
std::string find_table(const hdf5::File& file) {
  if (file.has_dataset(kUsualTable)) return kUsualTable;
  std::vector<std::string> tables;
  const auto datasets = file.dataset_paths();
  for (const auto& path : datasets)
    if (file.text_attribute(path, "CLASS") == "TABLE") tables.push_back(path);
  TEV_CHECK_INPUT(!tables.empty(), file.path(), ": has no pandas table (datasets: ", join_names(datasets),
                  "). Write it with ", "to_hdf(format='table'), or set data.reader to dense or compound.");
  TEV_CHECK_INPUT(tables.size() == 1, file.path(), ": has several pandas tables: ", join_names(tables),
                  " (one was expected). Use ", "the reader compound, whose fields are paths, or one file a table.");
  return tables.front();
}

bool names_table(const std::string& field, const std::string& table) {
  const std::string path = hdf5::absolute_path(field);
  return path == table || path == table.substr(0, table.rfind('/')) || path == table.substr(table.rfind('/'));
}

FieldAddress find_field(const hdf5::Dataset& table, const FieldRequest& request) {
  if (!request.members.empty()) {
    TEV_CHECK_INPUT(names_table(request.field, table.path()), request.key, ": '", request.field, "' is not the table '",
                    table.path(), "' of ", table.file().path(), " whose columns ", request.members_key(),
                    " names. Write 'table'.");
    return FieldAddress::of(table.path(), request.members);
  }
  if (table.record().find(request.field) < 0) throw_no_field(table.file(), request, table.record().names());
  return FieldAddress::of(table.path(), {request.field});
}

}  // namespace

FieldResolver pandas_table_fields(const std::shared_ptr<const hdf5::File>& file) {
  const auto table = std::make_shared<const hdf5::Dataset>(file, find_table(*file));
  TEV_CHECK_INPUT(table->record().compound, file->path(), ": '", table->path(),
                  "' is no pandas table (it has no columns). Set data.reader to ", "dense.");
  return [table](const FieldRequest& request) { return find_field(*table, request); };
}

}  // namespace tev
