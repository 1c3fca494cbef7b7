#pragma once
// Sums of float32 values without rounding.

#include <array>
#include <cmath>
#include <cstdint>

namespace tev {

/// The sum of any number (below 2^31) of finite float32 values: exact, so the order in which they come does not enter.
///
/// A fixed-point number wide enough for every float32, in digits of 32 bits; every digit is a signed 64-bit number, so that carries can
/// wait until the sum is asked for.
class ExactSum {
 public:
  void add(float value) {
    int exponent = 0;
    // value = mantissa x 2^(exponent - 24), and the smallest denormal is 2^-149.
    const auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(value, &exponent), 24));
    if (mantissa == 0) return;
    const int shift = exponent - 24 + kBias;
    const int64_t sign = mantissa < 0 ? -1 : 1;
    const uint64_t wide = static_cast<uint64_t>(sign * mantissa) << (shift % 32);
    digits_[static_cast<size_t>(shift / 32)] += sign * static_cast<int64_t>(wide & 0xffffffffu);
    digits_[static_cast<size_t>(shift / 32) + 1] += sign * static_cast<int64_t>(wide >> 32);
  }

  void merge(const ExactSum& other) {
    for (size_t i = 0; i < digits_.size(); ++i) digits_[i] += other.digits_[i];
  }

  /// The sum as a float64, a function of the sum alone; off by less than one unit in the last place.
  double value() const {
    auto digits = digits_;
    for (size_t i = 0; i + 1 < digits.size(); ++i) {
      const int64_t carry = digits[i] >> 32;  // rounds down: the digit that stays is 0 to 2^32 - 1
      digits[i] -= carry * (int64_t{1} << 32);
      digits[i + 1] += carry;
    }
    long double sum = 0;
    for (size_t i = digits.size(); i-- > 0;) sum += std::ldexp(static_cast<long double>(digits[i]), 32 * static_cast<int>(i) - kBias);
    return static_cast<double>(sum);
  }

 private:
  static constexpr int kBias = 172;  ///< a denormal's mantissa of 24 bits begins at 2^-(149 + 23)
  std::array<int64_t, 12> digits_{};
};

}  // namespace tev
