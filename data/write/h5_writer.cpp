#include "data/write/h5_writer.hpp"

#include "base/check.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace tev {
namespace {

hdf5::Scalar stored_scalar(const at::Tensor& rows, const std::string& dataset) {
  switch (rows.scalar_type()) {
    case at::kFloat: return hdf5::Scalar::float32;
    case at::kDouble: return hdf5::Scalar::float64;
    case at::kLong: return hdf5::Scalar::int64;
    case at::kInt: return hdf5::Scalar::int32;
    case at::kByte: return hdf5::Scalar::uint8;
    default:
      throw Error(c10::str("dataset '", dataset, "': rows of ", rows.scalar_type(),
                           " cannot be written (f32, f64, int64, ", "int32 and uint8 can). Convert them."));
  }
}

/// Asks the disk to hold what is written to a file or a folder's list of names.
void sync(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags);
  TEV_CHECK(descriptor >= 0, path, ": cannot be opened (", std::strerror(errno), ").");
  const int failed = fsync(descriptor) != 0 ? errno : 0;
  ::close(descriptor);
  TEV_CHECK(failed == 0, path, ": cannot be made durable (", std::strerror(failed), "). Check the disk.");
}

}  // namespace

H5Writer::H5Writer(const std::string& path) : path_(path), temporary_(path + ".tmp"), file_(temporary_) {}

H5Writer::~H5Writer() {
  if (!file_) return;
  file_.reset();
  unlink(temporary_.c_str());
}

void H5Writer::append(const std::string& dataset, const at::Tensor& rows) {
  TEV_CHECK(rows.dim() == 1 || rows.dim() == 2, "dataset '", dataset, "': rows have ", rows.dim(),
            " dimensions (1 or 2 were expected).");
  const at::Tensor packed = rows.contiguous();
  file_.value().append(dataset, stored_scalar(packed, dataset), packed.sizes().vec(), packed.const_data_ptr());
}

void H5Writer::append(const std::string& dataset, const std::vector<std::string>& rows) {
  file_.value().append(dataset, rows);
}

void H5Writer::set_attribute(const std::string& object, const std::string& name, const std::string& value) {
  file_.value().set_attribute(object, name, value);
}

void H5Writer::set_attribute(const std::string& object, const std::string& name, int64_t value) {
  file_.value().set_attribute(object, name, hdf5::Scalar::int64, &value);
}

void H5Writer::set_attribute(const std::string& object, const std::string& name, double value) {
  file_.value().set_attribute(object, name, hdf5::Scalar::float64, &value);
}

void H5Writer::close() {
  file_.value().close();
  sync(temporary_, O_RDONLY);
  TEV_CHECK(rename(temporary_.c_str(), path_.c_str()) == 0, path_, ": cannot be named so (", std::strerror(errno),
            ").");
  file_.reset();
  const auto folder = std::filesystem::path(path_).parent_path();
  sync(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace tev
