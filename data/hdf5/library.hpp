#pragma once
// The HDF5 library itself: start-up, plugin folders, and failed calls as exceptions of one line.

#include "base/check.hpp"

#include <string>
#include <vector>

namespace tev::hdf5 {

/// Starts the library once a process and silences its own printing once a thread; every TEV_H5 call begins with it.
void prepare();

/// The folders searched for filter plugins, first one first: $TEVATRAIN_PLUGINS, else the folder of the hdf5plugin package
/// that was there when this was built; then $HDF5_PLUGIN_PATH, as always.
std::vector<std::string> plugin_paths();

/// Takes the innermost message off the library's error stack (the cause; the outer ones only say who called).
std::string take_message();

/// @throws InputError  the message is about a structure in a version that the library does not know
void check_format(const std::string& where, const std::string& message);

/// Throws tev::Error "<where>: HDF5: <innermost message>", or what check_format says of it.
[[noreturn]] void fail(const std::string& where);

}  // namespace tev::hdf5

/// Value of an HDF5 call; negative: throws with the streamed place (file, dataset) and the library's innermost message.
#define TEV_H5(call, ...)                                            \
  ([&] {                                                             \
    ::tev::hdf5::prepare();                                          \
    const auto tev_h5_result = (call);                               \
    if (tev_h5_result < 0) ::tev::hdf5::fail(c10::str(__VA_ARGS__)); \
    return tev_h5_result;                                            \
  }())

/// The same where nothing may be thrown: destructors, and probes whose failure is an answer.
#define TEV_H5_NOTHROW(call) (::tev::hdf5::prepare(), (call))
