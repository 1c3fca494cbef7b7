#include "data/readers/dataset_field.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

namespace tev {

std::string dataset_field(const hdf5::File& file, const FieldRequest& request) {
  if (file.has_dataset(request.field)) return request.field;
  throw_no_field(file, request, file.dataset_names());
}

void throw_no_field(const hdf5::File& file, const FieldRequest& request, const std::vector<std::string>& fields) {
  throw InputError(c10::str(request.key, ": ", file.path(), " has no field '", request.field,
                            "' (fields: ", join_names(fields), ").", suggest_name(request.field, fields)));
}

}  // namespace tev
