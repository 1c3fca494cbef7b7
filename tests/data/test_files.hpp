#pragma once
// The files of make_test_files.py, and what a wrong one is answered with.

#include "data/readers/registry.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <string>

namespace tev::test {

/// Rows of the files that have no other number.
inline constexpr int64_t kRows = 1000;

/// A folder of this process, removed at its end; made with all files at the first call.
const std::string& test_folder();

/// The same with the files of make_matrix_files.py; ends with a slash.
const std::string& matrix_folder();

inline std::string test_file(const std::string& name) { return test_folder() + "/" + name; }

using As = FieldRequest::As;

/// A request as a configuration would make it.
inline FieldRequest request(const std::string& field, As as = As::float32, std::vector<std::string> members = {},
                            int64_t first = 0, int64_t last = -1) {
  return {as == As::int64 ? "data.label.field" : "data.objects.part.field",
          field,
          std::move(members),
          first,
          last,
          as};
}

/// Message of the exception that `call` throws (see error_of), with the folder of the test files taken out.
template <class Kind, class Call>
std::string file_error(Call&& call) {
  std::string text = error_of<Kind>(call);
  for (size_t at; (at = text.find(test_folder() + "/")) != std::string::npos;)
    text.erase(at, test_folder().size() + 1);
  return text;
}

/// A file, opened in a layout; HDF5 calls are made on a thread that all tests share.
std::unique_ptr<Reader> open_file(const std::string& layout, const std::string& path, const std::vector<FieldRequest>& wanted);

inline std::unique_ptr<Reader> open_test_file(const std::string& layout, const std::string& name, const std::vector<FieldRequest>& wanted) {
  return open_file(layout, test_file(name), wanted);
}

/// What a field that cannot be read is answered with.
inline std::string open_error(const std::string& layout, const std::string& name, const FieldRequest& wanted) {
  return file_error<InputError>([&] { open_test_file(layout, name, {wanted}); });
}

/// What a reader gives, without offsets.
inline std::vector<at::Tensor> values_of(const Reader& reader, int64_t first_event, int64_t num_events) {
  std::vector<at::Tensor> tensors;
  for (const auto& field : reader.read(first_event, num_events)) tensors.push_back(field.values);
  return tensors;
}

/// The number that make_test_files.py writes.
inline double value(int64_t row, int64_t column) {
  return 100.0 * static_cast<double>(row) + static_cast<double>(column);
}

}  // namespace tev::test
