#include "engine/cli/cpu_allocator.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <malloc.h>
#include <sys/mman.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // of Linux 5.14; glibc knows it since 2.35
#endif

namespace tev {
namespace {

constexpr size_t kHeader = 64;            // also the alignment of the data
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kSmallest = SIZE_MAX;    // the sanitizer watches malloc
#else
constexpr size_t kSmallest = 64 * 1024;   // smaller blocks are left to malloc, which is good at them
#endif
constexpr size_t kHugePage = 2 << 20;

/// What lies in front of the data of a block.
struct Header {
  size_t mapped;  ///< bytes of the mapping; 0: from malloc
  size_t asked;   ///< bytes of the tensor
};
static_assert(sizeof(Header) <= kHeader);

/// The next of sixteen sizes between powers of two.
size_t size_class(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / 16;
  return (bytes + step - 1) / step * step;
}

void* map_block(size_t bytes) {
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TORCH_CHECK(block != MAP_FAILED, "not enough memory: a tensor needs ", bytes, " bytes");
  // Advice. Small blocks are filled at once, which is faster than a fault for each page.
  madvise(block, bytes, bytes >= kHugePage ? MADV_HUGEPAGE : MADV_POPULATE_WRITE);
  return block;
}

/// Free blocks by size; never destroyed, since tensors may be freed after main() has returned.
class BlockCache {
 public:
  void* take(size_t bytes) {
    {
      std::lock_guard lock(mutex_);
      auto& blocks = free_[bytes];
      if (!blocks.empty()) {
        void* block = blocks.back();
        blocks.pop_back();
        cached_ -= bytes;
        return block;
      }
    }
    return map_block(bytes);
  }
  /// Of blocks that are freed from now on.
  void keep_none() {
    std::lock_guard lock(mutex_);
    most_cached_ = 0;
  }
  void give(void* block, size_t bytes) {
    {
      std::lock_guard lock(mutex_);
      if (cached_ + bytes <= most_cached_) {
        cached_ += bytes;
        free_[bytes].push_back(block);
        return;
      }
    }
    munmap(block, bytes);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<size_t, std::vector<void*>> free_;
  size_t cached_ = 0;
  size_t most_cached_ = size_t{1} << 30;  ///< free bytes beyond this go back to the system
};

thread_local int64_t bytes_of_thread = 0;

BlockCache& cache() {
  static auto* blocks = new BlockCache;
  return *blocks;
}

void free_data(void* data) {
  if (!data) return;
  char* block = static_cast<char*>(data) - kHeader;
  const auto [mapped, asked] = *reinterpret_cast<Header*>(block);
  bytes_of_thread -= static_cast<int64_t>(asked);
  if (mapped > 0) {
    cache().give(block, mapped);
  } else {
    std::free(block);
  }
}

void* new_data(size_t bytes) {
  void* block = nullptr;
  size_t mapped = 0;
  if (bytes + kHeader >= kSmallest) {
    mapped = size_class(bytes + kHeader);
    block = cache().take(mapped);
  } else {
    TORCH_CHECK(posix_memalign(&block, kHeader, bytes + kHeader) == 0, "not enough memory: a tensor needs ", bytes, " bytes");
  }
  *static_cast<Header*>(block) = {mapped, bytes};
  bytes_of_thread += static_cast<int64_t>(bytes);
  return static_cast<char*>(block) + kHeader;
}

class CachingCpuAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes > 0 ? new_data(bytes) : nullptr;
    return {data, data, &free_data, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_data; }
  void copy_data(void* target, const void* source, size_t bytes) const override { default_copy_data(target, source, bytes); }
};

}  // namespace

int64_t tensor_bytes_of_thread() { return bytes_of_thread; }

void keep_memory_low() {
  cache().keep_none();
  mallopt(M_ARENA_MAX, 1);
}

void install_caching_cpu_allocator() {
  static auto* allocator = new CachingCpuAllocator;
  c10::SetCPUAllocator(allocator, /*priority=*/1);
}

}  // namespace tev
