#pragma once
// A file opened for reading, and what lies in it.

#include "data/hdf5/handle.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tev::hdf5 {

/// One open file. Never locked: shared and network file systems often cannot, and nothing here writes to it.
class File {
 public:
  /// @throws InputError  missing, unreadable, not HDF5, truncated: four different lines that begin with the path
  static std::shared_ptr<const File> open(const std::string& path);

  const std::string& path() const { return path_; }
  int64_t id() const { return handle_.id(); }
  /// Absolute paths of all datasets, in alphabetical order.
  std::vector<std::string> dataset_paths() const;
  /// The same as configurations name them: without the first slash.
  std::vector<std::string> dataset_names() const;
  bool has_dataset(const std::string& path) const;
  /// Text of a string attribute, "" where there is none.
  std::string text_attribute(const std::string& object, const std::string& name) const;

 private:
  File(std::string path, Handle handle) : path_(std::move(path)), handle_(std::move(handle)) {}
  std::string path_;
  Handle handle_;
};

/// A new file, or an empty one in place of an old one.
/// @throws Error  it cannot be created
Handle create_file(const std::string& path);

/// "/a/b" for "a/b" and "/a/b".
std::string absolute_path(const std::string& dataset);

}  // namespace tev::hdf5
