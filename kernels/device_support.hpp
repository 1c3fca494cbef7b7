#pragma once
// What a library without CUDA says to a CUDA tensor.

#include <c10/core/Device.h>

#include "base/check.hpp"

namespace tev {

/// @throws tev::Error if the device is one for which this library holds no kernels.
inline void check_device_support(const char* where, c10::Device device) {
#if defined(TEV_WITH_CUDA)
  const bool supported = device.is_cpu() || device.is_cuda() || device.is_meta();
  const char* built_for = "the CPU and CUDA";
#else
  const bool supported = device.is_cpu() || device.is_meta();
  const char* built_for = "the CPU only";
#endif
  TEV_CHECK(supported, where, ": a tensor is on ", device, " (this library was built for ", built_for,
            "). Move the tensors to a device of that list, or build with the preset that compiles for ", device, ".");
}

}  // namespace tev
