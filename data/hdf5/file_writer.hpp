#pragma once
// Writing: the C API behind data/write.

#include "data/hdf5/handle.hpp"
#include "data/hdf5/types.hpp"

#include <map>
#include <string>
#include <vector>

namespace tev::hdf5 {

/// A new file whose datasets grow by appending rows. Chunked, shuffled, gzip.
class FileWriter {
 public:
  /// @throws Error  the file cannot be created
  explicit FileWriter(const std::string& path);

  /// Appends rows of numbers; the first call with a name creates the dataset (and its groups).
  /// @param shape  {rows} or {rows, columns}
  void append(const std::string& dataset, Scalar scalar, const std::vector<int64_t>& shape, const void* values);
  /// The same for UTF-8 text, a row a string.
  void append(const std::string& dataset, const std::vector<std::string>& texts);

  /// Sets an attribute of a group or a dataset that is there ("/" is the file itself).
  void set_attribute(const std::string& object, const std::string& name, Scalar scalar, const void* value);

  /// Writes everything out. Here a full disk shows, at the latest.
  void close();

 private:
  struct Growing {
    Handle handle;
    Handle type;
    std::vector<int64_t> shape;
  };
  Growing& growing(const std::string& dataset, Handle type, const std::vector<int64_t>& row_shape);
  void append_rows(const std::string& dataset, Growing& target, int64_t num_rows, const void* values);

  std::string path_;
  Handle handle_;
  std::map<std::string, Growing> datasets_;
};

}  // namespace tev::hdf5
