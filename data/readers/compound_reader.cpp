#include "data/readers/compound_reader.hpp"

#include "data/readers/dataset_field.hpp"

namespace tev {

FieldResolver compound_fields(const std::shared_ptr<const hdf5::File>& file) {
  return [file](const FieldRequest& request) { return FieldAddress::of(dataset_field(*file, request), request.members); };
}

}  // namespace tev
