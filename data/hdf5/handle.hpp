#pragma once
// An HDF5 identifier that closes itself. Kept free of hdf5.h so that other rooms never see the C API.

#include <cstdint>
#include <utility>

namespace tev::hdf5 {

/// Owns one identifier (file, dataset, type, space, property list, attribute); closing never throws.
class Handle {
 public:
  using Close = int (*)(int64_t);

  Handle() = default;
  Handle(int64_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }

  int64_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  /// Closes now and gives the library's answer: for files, where closing writes.
  int close() { return id_ >= 0 ? close_(std::exchange(id_, -1)) : 0; }

 private:
  int64_t id_ = -1;
  Close close_ = nullptr;
};

}  // namespace tev::hdf5
