#pragma once
// How a stream of samples is cut into lanes.

#include <cstdint>

namespace tev {

inline int64_t divide_up(int64_t a, int64_t b) { return a / b + (a % b != 0); }

/// Lane l of L is samples [l*N/L, (l+1)*N/L).
struct LaneCut {
  int64_t num_samples = 0, lanes = 1;

  int64_t quotient() const { return num_samples / lanes; }
  int64_t remainder() const { return num_samples % lanes; }
  int64_t longest() const { return quotient() + (remainder() > 0); }
  /// Without the product l*N, which may not fit.
  int64_t begin(int64_t lane) const { return lane * quotient() + lane * remainder() / lanes; }
};

}  // namespace tev
