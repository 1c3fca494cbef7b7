#include "data/hdf5/library.hpp"

#include <hdf5.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>

namespace tev::hdf5 {
namespace {

/// Folder of the hdf5plugin package: where the user says, else where it was when this was built.
std::string default_plugin_folder() {
  if (const char* folder = std::getenv("TEVATRAIN_PLUGINS"); folder && *folder) return folder;
#ifdef TEV_PLUGIN_DIR
  std::error_code ignored;
  if (std::filesystem::is_directory(TEV_PLUGIN_DIR, ignored)) return TEV_PLUGIN_DIR;
#endif
  return "";
}

herr_t keep_first(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

}  // namespace

void prepare() {
  static std::once_flag once;
  std::call_once(once, [] {
    // No clean-up at exit: it would unload plugins while other threads may still be in them. Files close themselves.
    H5dont_atexit();
    H5open();
    const std::string folder = default_plugin_folder();
    if (!folder.empty()) H5PLprepend(folder.c_str());
  });
  // A thread-safe build of HDF5 keeps one error stack, with its own printing switch, a thread.
  static thread_local const bool quiet = (H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), true);
  static_cast<void>(quiet);
}

std::vector<std::string> plugin_paths() {
  unsigned size = 0;
  TEV_H5(H5PLsize(&size), "plugin folders");
  std::vector<std::string> folders;
  for (unsigned i = 0; i < size; ++i) {
    char text[4096] = "";
    if (TEV_H5_NOTHROW(H5PLget(i, text, sizeof(text))) > 0) folders.emplace_back(text);
  }
  return folders;
}

std::string take_message() {
  std::string text = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  H5Eclear2(H5E_DEFAULT);
  return text;
}

void check_format(const std::string& where, const std::string& message) {
  if (message.rfind("bad version number for ", 0) != 0) return;
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  throw InputError(c10::str(where, ": is written for a newer HDF5 library than this program's ", major, ".", minor, ".", release, " (HDF5: ", message,
                            "; a damaged file can look like this too). Write its values anew, in h5py with libver=('earliest', 'v110')."));
}

void fail(const std::string& where) {
  const std::string message = take_message();
  check_format(where, message);
  throw Error(where + ": HDF5: " + message);
}

}  // namespace tev::hdf5
