#include "kernels/cuda_library.hpp"

#include "base/check.hpp"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <filesystem>

namespace tev {

std::string operator_library() {
  Dl_info own{};
  TEV_CHECK(::dladdr(reinterpret_cast<const void*>(&operator_library), &own) != 0, "the library of the kernels does not know where it lies.");
  return std::filesystem::canonical(own.dli_fname).string();
}

void load_cuda_kernels() {
#if defined(TEV_WITH_CUDA)
  const auto path = std::filesystem::path(operator_library()).parent_path() / "libtev_kernels_cuda.so";
  TEV_CHECK(::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr, "the CUDA kernels cannot be loaded (", ::dlerror(),
            "). Put the library beside the one of the other kernels, or set train.device=cpu.");
#else
  TEV_CHECK(false, "this program was built without CUDA kernels. Build with the preset cuda.");
#endif
}

bool has_cuda() {
#if defined(TEV_WITH_CUDA)
  static const bool there = [] {
    if (::dlopen("libcuda.so.1", RTLD_LAZY) == nullptr) return false;  // no driver
    load_cuda_kernels();
    return at::hasCUDA();
  }();
  return there;
#else
  return false;
#endif
}

}  // namespace tev
