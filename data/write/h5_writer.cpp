#include "data/write/h5_writer.hpp"

#include "base/check.hpp"
#include "base/durable_rename.hpp"

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

void H5Writer::set_attribute(const std::string& object, const std::string& name, int64_t value) {
  file_.value().set_attribute(object, name, hdf5::Scalar::int64, &value);
}

void H5Writer::close() {
  file_.value().close();
  sync_file(temporary_);
  rename_durably(temporary_, path_);
  file_.reset();
}

}  // namespace tev
