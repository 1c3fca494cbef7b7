#pragma once
// An HDF5 file that appears complete or not at all.

#include "data/hdf5/file_writer.hpp"

#include <ATen/core/Tensor.h>

#include <optional>

namespace tev {

/// Writes beside the final name and takes it at close(), after fsync; without close() nothing is left behind.
/// To be used on the catalog thread while a catalog is in use.
class H5Writer {
 public:
  explicit H5Writer(const std::string& path);
  ~H5Writer();
  H5Writer(const H5Writer&) = delete;
  H5Writer& operator=(const H5Writer&) = delete;

  /// Appends rows to a dataset, which the first call creates (groups on its path too).
  /// @param rows  [n] or [n, K] f32|f64|int64|int32|uint8, CPU
  void append(const std::string& dataset, const at::Tensor& rows);
  void append(const std::string& dataset, const std::vector<std::string>& rows);

  /// Attribute of a dataset or group, "/" for the file.
  void set_attribute(const std::string& object, const std::string& name, int64_t value);

  /// Makes the file durable under its name, replacing an earlier one.
  /// @throws Error  a full disk or another failure; an earlier file of that name is untouched
  void close();

 private:
  std::string path_, temporary_;
  std::optional<hdf5::FileWriter> file_;
};

}  // namespace tev
