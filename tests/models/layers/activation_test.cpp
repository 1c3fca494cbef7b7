#include "models/layers/activation.hpp"

#include "base/check.hpp"
#include "base/portable.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tev {
namespace {

double expected_value(const std::string& name, double x) {
  if (name == "relu") return x > 0 ? x : 0;
  if (name == "leaky_relu") return x > 0 ? x : 0.01 * x;
  if (name == "elu") return x > 0 ? x : std::expm1(x);
  if (name == "gelu") return x / 2 * (1 + std::erf(x / std::sqrt(2)));
  if (name == "silu") return x / (1 + std::exp(-x));
  return std::tanh(x);
}

TEST(Activation, EveryNameIsItsFunctionInBothForms) {
  for (const auto& name : activation_names())
    for (const bool portable : {false, true})
      for (const double x : {-2.0, -0.3, 0.0, 1.5}) {
        const PortableGuard guard(portable);
        const at::Tensor y = activate(parse_activation(name), at::full({1}, x, at::kDouble));
        EXPECT_NEAR(y.item<double>(), expected_value(name, x), 1e-12) << name;
      }
}

TEST(Activation, UnderPortableGuardNothingIsOverwritten) {
  const PortableGuard portable;
  const at::Tensor x = at::tensor({-1.f, 1.f});
  activate(Activation::relu, x);
  EXPECT_EQ(x[0].item<float>(), -1);
}

TEST(Activation, SuggestsTheNameThatWasMeant) {
  EXPECT_EQ(test::error_of<InputError>([] { parse_activation("rellu"); }),
            "model.activation: 'rellu' is not known (known: relu, leaky_relu, elu, gelu, silu, tanh). Did you mean "
            "'relu'?");
}

}  // namespace
}  // namespace tev
