#pragma once
// The bytes of a file, without the library: what chunks are read through.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tev::hdf5 {

/// One descriptor, read by position; safe to use from many threads at once.
class RawFile {
 public:
  /// What tells one state of a file from another.
  struct Identity {
    uint64_t device = 0, inode = 0, bytes = 0;
    int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const Identity&) const = default;
  };

  /// @throws InputError  the file cannot be opened
  explicit RawFile(std::string path);
  ~RawFile();
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  const std::string& path() const { return path_; }
  const Identity& identity() const { return identity_; }
  /// Of a file that need not be opened; nothing where it is not found.
  static std::optional<Identity> identity_of(const std::string& path);

  /// @throws Error  the bytes cannot be read: names the file, the place and the system's reason
  void read(uint64_t offset, size_t bytes, void* out) const;

  /// Has the system fetch bytes from the disk, without waiting for them, unless it holds the last of them. A hint: what it does with it is its own affair.
  /// Where a file system cannot say what it holds (many on a network, and those in memory), it is asked for everything.
  /// @return  whether it does not hold them, as far as it says
  bool expect(uint64_t offset, size_t bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  Identity identity_;
};

}  // namespace tev::hdf5
