#include "data/hdf5/raw_file.hpp"

#include "base/check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tev::hdf5 {
namespace {

int64_t nanoseconds(const timespec& time) { return int64_t{1000000000} * time.tv_sec + time.tv_nsec; }

RawFile::Identity identity_from(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size), nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

}  // namespace

std::optional<RawFile::Identity> RawFile::identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_from(status);
}

RawFile::RawFile(std::string path) : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  TEV_CHECK_INPUT(descriptor_ >= 0, path_, ": cannot be opened (", std::strerror(errno), "). Check the path, its rights and the limit of open files.");
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    const int reason = errno;
    ::close(descriptor_);
    throw Error(c10::str(path_, ": its size cannot be read (", std::strerror(reason), "). Check the disk."));
  }
  identity_ = identity_from(status);
}

RawFile::~RawFile() { ::close(descriptor_); }

void RawFile::read(uint64_t offset, size_t bytes, void* out) const {
  for (size_t done = 0; done < bytes;) {
    const ssize_t got =
        ::pread(descriptor_, static_cast<char*>(out) + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    TEV_CHECK(got > 0, path_, ": bytes ", offset, " to ", offset + bytes - 1, " cannot be read (",
              got < 0 ? std::strerror(errno) : "the file ends before: it is truncated", "). Copy the file again, or check its disk.");
    done += static_cast<size_t>(got);
  }
}

bool RawFile::expect(uint64_t offset, size_t bytes) const {
  // Looking for one byte is cheaper than asking for all of them, page by page, where they are held.
  char last;
  const iovec byte{&last, 1};
  if (::preadv2(descriptor_, &byte, 1, static_cast<off_t>(offset + bytes - 1), RWF_NOWAIT) == 1) return false;
  ::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
  return true;
}

}  // namespace tev::hdf5
