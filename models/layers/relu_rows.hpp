#pragma once
// Loops over rows in the cache between two matrix products: bias, ReLU, masks, sums of columns.
//
// Compiled for several instruction sets, chosen at run time (kernels/simd.hpp); all give the same bits. A ReLU is written so
// that NaN stays NaN, as in ATen. T is float or double.

#include <cstdint>

namespace tev {

/// Rows one after the other.
struct RowSpan {
  int64_t rows, width;
};

/// h = relu(h + bias).
template <class T>
void add_bias_relu(T* h, const T* bias, RowSpan block);

/// out [width] += sum_n z_n relu(y_n + bias), rows in order.
/// @param is_on  255 where y + bias > 0 or NaN, else 0; null: not wanted
/// @param z      [rows]; null: 1
template <class T>
void add_relu_rows(T* out, uint8_t* is_on, const T* y, const T* bias, const T* z, RowSpan block);

/// gradient_n = is_on_n ? z_n grad_out : 0, and column_sum += its rows.
/// @param grad_out  [width]
/// @param z         [rows]; null: 1
template <class T>
void masked_rows(T* gradient, T* column_sum, const uint8_t* is_on, const T* grad_out, const T* z, RowSpan block);

/// gradient = 0 where h <= 0, and column_sum += its rows.
template <class T>
void mask_by_value(T* gradient, T* column_sum, const T* h, RowSpan block);

}  // namespace tev
