#pragma once
// The input of a fuzz target, taken apart from its front; what a target finds wrong ends the program.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

/// What libFuzzer and replay.cpp call.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace tev::fuzz {

class FuzzBytes {
 public:
  FuzzBytes(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  /// The next bytes as a little-endian number; 0 beyond the end.
  uint64_t number(size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && !rest_.empty(); ++i, rest_ = rest_.subspan(1))
      value |= uint64_t{static_cast<unsigned char>(rest_.front())} << (8 * i);
    return value;
  }
  std::span<const char> rest() const { return rest_; }

 private:
  std::span<const char> rest_;
};

/// Always on, and never an exception: a target may not take it for a refusal.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s does not hold\n", what);
  std::abort();
}

}  // namespace tev::fuzz
