// To be preloaded: every read of the file FAULTY_DISK at byte FAULTY_DISK_AT fails with EIO, or (FAULTY_DISK_DOES=sleep) takes five seconds.

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

bool is_meant(int descriptor, off_t offset) {
  static const char* const path = std::getenv("FAULTY_DISK");
  static const char* const at = std::getenv("FAULTY_DISK_AT");
  struct stat own, meant;
  return path != nullptr && at != nullptr && offset == std::atoll(at) && ::fstat(descriptor, &own) == 0 && ::stat(path, &meant) == 0 &&
         own.st_ino == meant.st_ino && own.st_dev == meant.st_dev;
}

}  // namespace

extern "C" ssize_t pread(int descriptor, void* out, size_t bytes, off_t offset) {
  static const auto real = reinterpret_cast<ssize_t (*)(int, void*, size_t, off_t)>(::dlsym(RTLD_NEXT, "pread"));
  static const char* const does = std::getenv("FAULTY_DISK_DOES");
  if (does != nullptr && is_meant(descriptor, offset)) {
    if (std::strcmp(does, "sleep") != 0) return errno = EIO, -1;
    ::sleep(5);
  }
  return real(descriptor, out, bytes, offset);
}
