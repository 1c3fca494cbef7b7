#include "data/readers/compound_reader.hpp"

#include "data/readers/dataset_field.hpp"

namespace tev {

std::unique_ptr<Reader> open_compound(const std::string& path, const std::vector<FieldRequest>& requests) {
  return open_record_reader(path, requests, [](const hdf5::File& file, const FieldRequest& request) {
    return FieldAddress{dataset_field(file, request), request.members};
  });
}

}  // namespace tev
