#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace tev {

/// Whether no value is NaN or infinite: all exponent bits set, tested in integers so that the loop is vectorised.
inline bool all_finite(const float* values, int64_t count) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bad |= static_cast<uint32_t>((bits & 0x7f800000u) == 0x7f800000u);
  }
  return bad == 0;
}

/// Copies and reports the same as all_finite, in one pass.
inline bool copy_finite(const float* __restrict from, int64_t count, float* __restrict to) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, from + i, sizeof bits);
    bad |= static_cast<uint32_t>((bits & 0x7f800000u) == 0x7f800000u);
    std::memcpy(to + i, &bits, sizeof bits);
  }
  return bad == 0;
}

/// What a message calls a value that is not finite: what is infinite here may be a finite float64 in the file.
inline const char* non_finite_name(float value) {
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf or beyond float32's 3.4e38" : "-inf or beyond float32's -3.4e38";
}

}  // namespace tev
