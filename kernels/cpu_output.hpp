#pragma once
// Memory for the output of a CPU operator.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tev {

/// at::empty, asking for huge pages where the output is large.
///
/// glibc maps large blocks anew for every call; faulting them in by 4 KB pages takes several times as long as filling
/// them (benchmarks/kernels/segment_reduce_bench.py with the default malloc). Only advice: the result is the same where
/// the kernel does not follow it.
inline at::Tensor empty_cpu_output(at::IntArrayRef shape, const at::TensorOptions& options) {
  at::Tensor output = at::empty(shape, options);
#if defined(__linux__)
  constexpr uintptr_t huge_page = uintptr_t(2) << 20;
  const uintptr_t start = reinterpret_cast<uintptr_t>(output.const_data_ptr());
  const uintptr_t begin = (start + huge_page - 1) / huge_page * huge_page;
  const uintptr_t end = (start + output.nbytes()) / huge_page * huge_page;
  if (end > begin + 4 * huge_page) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
  return output;
}

}  // namespace tev
