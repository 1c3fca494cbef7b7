#include "data/readers/dense_reader.hpp"

#include "base/check.hpp"
#include "data/readers/dataset_field.hpp"

namespace tev {

FieldResolver dense_fields(const std::shared_ptr<const hdf5::File>& file) {
  return [file](const FieldRequest& request) {
    TEV_CHECK_INPUT(request.members.empty(), request.members_key(),
                    ": the reader 'dense' has no members to choose (its fields are ",
                    "plain datasets). Leave the key out, or set data.reader to compound.");
    return FieldAddress::of(dataset_field(*file, request), {});
  };
}

}  // namespace tev
