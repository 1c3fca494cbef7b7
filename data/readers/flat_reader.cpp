#include "data/readers/flat_reader.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "data/readers/dataset_field.hpp"

namespace tev {
namespace {

/// Datasets that lie directly in a group; none if there is no such group.
std::vector<std::string> columns_of(const hdf5::File& file, const std::string& group) {
  const std::string prefix = hdf5::absolute_path(group) + "/";
  std::vector<std::string> columns;
  for (const auto& path : file.dataset_paths())
    if (path.rfind(prefix, 0) == 0 && path.find('/', prefix.size()) == std::string::npos) columns.push_back(path.substr(prefix.size()));
  return columns;
}

FieldAddress group_columns(const hdf5::File& file, const FieldRequest& request) {
  const auto there = columns_of(file, request.field);
  if (there.empty()) throw_no_field(file, request, file.dataset_names());
  TEV_CHECK_INPUT(!request.members.empty(), request.members_key(), ": ", file.path(), ": '", request.field, "' is a group (columns: ",
                  join_names(there), "). Name those to read.");
  FieldAddress address;
  for (const auto& column : request.members) {
    const std::string path = request.field + "/" + column;
    TEV_CHECK_INPUT(file.has_dataset(path), request.members_key(), ": ", file.path(), ": '", request.field, "' has no column '", column,
                    "' (columns: ", join_names(there), ").", suggest_name(column, there));
    address.parts.push_back({path, ""});
  }
  if (request.rows_kind != RowsKind::none) return address;
  for (const auto& [kind, name] : {std::pair{RowsKind::extents, "/extents"}, std::pair{RowsKind::offsets, "/offsets"}})
    if (address.rows_kind == RowsKind::none && file.has_dataset(request.field + name)) {
      address.rows_kind = kind;
      address.rows = request.field + name;
    }
  return address;
}

FieldAddress find_field(const hdf5::File& file, const FieldRequest& request) {
  FieldAddress address = file.has_dataset(request.field) ? FieldAddress::of(request.field, request.members) : group_columns(file, request);
  if (request.rows_kind == RowsKind::none) return address;
  TEV_CHECK_INPUT(file.has_dataset(request.rows), request.rows_key(), ": ", file.path(), " has no dataset '", request.rows,
                  "' (datasets: ", join_names(file.dataset_names()), ").", suggest_name(request.rows, file.dataset_names()));
  address.rows_kind = request.rows_kind;
  address.rows = request.rows;
  return address;
}

}  // namespace

FieldResolver flat_fields(const std::shared_ptr<const hdf5::File>& file) {
  return [file](const FieldRequest& request) { return find_field(*file, request); };
}

}  // namespace tev
