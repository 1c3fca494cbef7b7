#include "models/layers/relu_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace tev {
namespace {

// The loops are compared to the bit with their definitions, one number at a time; the CTest entry models_baseline runs them
// without AVX. volatile keeps a product and a sum two roundings.
template <class T>
T product(T a, T b) {
  volatile T result = a * b;
  return result;
}

template <class T>
T relu(T v) { return v < 0 ? T(0) : v; }

template <class T>
std::vector<T> random_numbers(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<T> normal;
  std::vector<T> values(count);
  for (auto& value : values) value = normal(generator);
  return values;
}

template <class T>
class ReluRows : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ReluRows, Types);

constexpr int64_t widths[] = {1, 7, 16, 100, 256};
constexpr int64_t num_rows = 9;

TYPED_TEST(ReluRows, AddsBiasAndCutsAtZeroButKeepsNaN) {
  using T = TypeParam;
  for (const int64_t width : widths) {
    auto h = random_numbers<T>(num_rows * width, 1);
    h.back() = std::numeric_limits<T>::quiet_NaN();
    const auto before = h, bias = random_numbers<T>(width, 2);
    add_bias_relu(h.data(), bias.data(), {num_rows, width});
    for (int64_t i = 0; i + 1 < num_rows * width; ++i) EXPECT_EQ(h[i], relu(before[i] + bias[i % width])) << width;
    EXPECT_TRUE(std::isnan(h.back()));
  }
}

TYPED_TEST(ReluRows, SumsRowsInOrderAndNotesTheSign) {
  using T = TypeParam;
  for (const int64_t width : widths) {
    const auto y = random_numbers<T>(num_rows * width, 3), bias = random_numbers<T>(width, 4), z = random_numbers<T>(num_rows, 5);
    std::vector<T> out(width, T(0.5)), expected = out;
    std::vector<uint8_t> is_on(num_rows * width, 1);
    add_relu_rows(out.data(), is_on.data(), y.data(), bias.data(), z.data(), {num_rows, width});
    for (int64_t i = 0; i < num_rows * width; ++i) {
      expected[i % width] += product(z[i / width], relu(y[i] + bias[i % width]));
      EXPECT_EQ(is_on[i], y[i] + bias[i % width] <= 0 ? 0 : 255);
    }
    EXPECT_EQ(out, expected) << width;
  }
}

TYPED_TEST(ReluRows, WithoutWeightsEveryRowCountsOnce) {
  using T = TypeParam;
  const std::vector<T> y = {1, -2, 3, 4}, bias = {0.5, 0.5};
  std::vector<T> out(2, T(0));
  add_relu_rows<T>(out.data(), nullptr, y.data(), bias.data(), nullptr, {2, 2});
  EXPECT_EQ(out, (std::vector<T>{5, 4.5}));
}

TYPED_TEST(ReluRows, MasksGradientsAndSumsTheirColumns) {
  using T = TypeParam;
  for (const int64_t width : widths) {
    const auto grad_out = random_numbers<T>(width, 6), z = random_numbers<T>(num_rows, 7), h = random_numbers<T>(num_rows * width, 8);
    std::vector<uint8_t> is_on(num_rows * width);
    for (size_t i = 0; i < is_on.size(); ++i) is_on[i] = i % 3 ? 255 : 0;
    std::vector<T> gradient(num_rows * width), sum(width, T(0)), expected_sum = sum;
    masked_rows(gradient.data(), sum.data(), is_on.data(), grad_out.data(), z.data(), {num_rows, width});
    for (int64_t i = 0; i < num_rows * width; ++i) {
      EXPECT_EQ(gradient[i], is_on[i] ? product(z[i / width], grad_out[i % width]) : T(0));
      expected_sum[i % width] += gradient[i];
    }
    EXPECT_EQ(sum, expected_sum) << width;

    auto by_value = gradient;
    std::vector<T> value_sum(width, T(0)), expected_value_sum = value_sum;
    mask_by_value(by_value.data(), value_sum.data(), h.data(), {num_rows, width});
    for (int64_t i = 0; i < num_rows * width; ++i) {
      EXPECT_EQ(by_value[i], h[i] <= 0 ? T(0) : gradient[i]);
      expected_value_sum[i % width] += by_value[i];
    }
    EXPECT_EQ(value_sum, expected_value_sum) << width;
  }
}

}  // namespace
}  // namespace tev
