#pragma once
// The scalar arithmetic of sparse_pool, written once for CPU and CUDA. Each functor takes the next input of an output into a running value.

#include <cstdint>

#include "base/host_device.hpp"
#include "kernels/segment_reduce/segment_reduce_math.hpp"

namespace tev::sparse_pool_math {

/// Sums, and the gradients of sums: the value begins with 0.
struct Adder {
  template <class T>
  static TEV_HD void join(T& value, int32_t&, T next, int32_t, bool) {
    value += next;
  }
};

/// Keeps what `Keeper` of segment_reduce keeps, and the number of its input. The first one is taken whatever it is.
template <class Keeper>
struct Taker {
  template <class T>
  static TEV_HD void join(T& value, int32_t& winner, T next, int32_t input, bool first) {
    T kept = value;
    int32_t kept_winner = winner;
    Keeper::join(kept, kept_winner, next, input);
    value = first ? next : kept;
    winner = first ? input : kept_winner;
  }
};

/// What an output passes of its gradient to one of its inputs.
template <class T>
TEV_HD T passed(T grad, int32_t winner, int32_t input) {
  return winner == input ? grad : T(0);
}

}  // namespace tev::sparse_pool_math
