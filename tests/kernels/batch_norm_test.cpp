// Batch normalisation against its formula in fp64, on every device and dtype; the parts of it as ranks use them.

#include "kernels/batch_norm/batch_norm.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/check.hpp"
#include "base/portable.hpp"
#include "kernels/cuda_library.hpp"
#include "tests/kernels/device_type_test.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/gradcheck.hpp"
#include "tests/support/reproducible.hpp"
#include "tests/support/tolerance.hpp"

namespace tev {
namespace {

using namespace test;

const std::vector<double> kSlopes = {1, 0.33, 0};

/// In two passes, fp64, differentiable.
at::Tensor formula(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean, const at::Tensor& running_var,
                   const BatchNormOptions& options) {
  const at::Tensor mean = options.training ? x.mean(0) : running_mean, variance = options.training ? (x - mean).square().mean(0) : running_var;
  at::Tensor out = (x - mean) / (variance + options.eps).sqrt();
  if (weight.defined()) out = out * weight;
  if (bias.defined()) out = out + bias;
  return at::where(out.gt(0), out, out * options.negative_slope);
}

class BatchNormOn : public DeviceTypeTest {
 protected:
  at::ScalarType wide() const { return dtype() == at::kDouble ? at::kDouble : at::kFloat; }
  at::Tensor parameter(const at::Tensor& x) const { return x.to(device(), wide()).requires_grad_(); }
};

TEST_P(BatchNormOn, EqualsItsFormulaForwardAndBackward) {
  for (const auto& [rows, channels] : {std::pair<int64_t, int64_t>{1700, 5}, {3, 33}, {600, 48}, {40, 1}, {40, 0}})
    for (const double slope : kSlopes)
      for (const bool training : {true, false})
        for (const bool affine : {true, false}) {
          SCOPED_TRACE(c10::str(rows, " x ", channels, ", slope ", slope, training ? ", training" : "", affine ? ", affine" : ""));
          const BatchNormOptions options{training, 0.1, 1e-5, slope};
          const at::Tensor x = rounded(at::randn({rows, channels}, at::kDouble) * 3 + 1).requires_grad_(), cotangent = rounded(at::randn({rows, channels}, at::kDouble));
          const at::Tensor mean = at::randn({channels}), variance = at::rand({channels}) + 0.5;
          std::vector<at::Tensor> slow{x}, ours{here(x.detach()).requires_grad_()};
          if (affine)
            for (int i = 0; i < 2; ++i) {
              slow.push_back(at::randn({channels}).to(at::kDouble).requires_grad_());
              ours.push_back(parameter(slow.back().detach()));
            }
          slow.resize(3);
          ours.resize(3);
          const at::Tensor expected = formula(slow[0], slow[1], slow[2], mean.to(at::kDouble), variance.to(at::kDouble), options);
          const at::Tensor out = batch_norm(ours[0], ours[1], ours[2], mean.to(device(), wide(), false, true), variance.to(device(), wide(), false, true), options);
          expect_near(out, expected.detach(), dtype());
          slow.resize(affine ? 3 : 1);
          ours.resize(slow.size());
          // Where two roundings of y have different signs, so have their slopes.
          const at::Tensor kept = at::where(expected.detach().abs().gt(slope == 1 ? -1 : 1e-2), cotangent, 0);
          const auto gradients = torch::autograd::grad({out}, ours, {here(kept)}), slow_gradients = torch::autograd::grad({expected}, slow, {kept});
          expect_near(gradients[0], slow_gradients[0], dtype(), 3);
          for (size_t i = 1; i < ours.size(); ++i) expect_near(gradients[i], slow_gradients[i], wide(), 10);
        }
}

TEST_P(BatchNormOn, MovesRunningStatisticsAsTorchDoes) {
  at::Tensor mean = at::randn({7}).to(device()), variance = at::rand({7}).to(device());
  at::Tensor expected_mean = mean.to(at::kCPU, at::kDouble, false, true), expected_variance = variance.to(at::kCPU, at::kDouble, false, true);
  for (int i = 0; i < 3; ++i) {
    const at::Tensor x = rounded(at::randn({50 + i, 7}, at::kDouble) + 2);
    batch_norm(here(x), {}, {}, mean, variance, {true, 0.3});
    at::batch_norm(x, {}, {}, expected_mean, expected_variance, true, 0.3, 1e-5, false);
    EXPECT_TRUE(is_close(mean, expected_mean.to(at::kFloat)));
    EXPECT_TRUE(is_close(variance, expected_variance.to(at::kFloat)));
    const at::Tensor before = mean.clone();
    batch_norm(here(x), {}, {}, mean, variance, {false, 0.3});
    EXPECT_TRUE(is_same_bits(mean, before));  // not in evaluation
  }
}

TEST_P(BatchNormOn, TakesNoRows) {
  for (const bool training : {true, false}) {
    const at::Tensor x = here(at::zeros({0, 3})).requires_grad_(), weight = parameter(at::ones({3})), bias = parameter(at::ones({3}));
    const at::Tensor mean = at::randn({3}).to(device()), variance = at::rand({3}).to(device()), mean_before = mean.clone(), variance_before = variance.clone();
    const at::Tensor out = batch_norm(x, weight, bias, mean, variance, {training});
    EXPECT_EQ(out.sizes(), at::IntArrayRef({0, 3}));
    EXPECT_TRUE(is_same_bits(mean, mean_before));
    EXPECT_TRUE(is_same_bits(variance, variance_before));
    for (const bool create_graph : {false, true}) {
      const auto gradients = torch::autograd::grad({out.sum()}, {x, weight, bias}, {}, /*retain_graph=*/true, create_graph);
      EXPECT_EQ(gradients[0].sizes(), x.sizes());
      for (int i : {1, 2}) EXPECT_TRUE(is_same_bits(gradients[i].detach(), at::zeros_like(weight)));
    }
  }
}

TEST_P(BatchNormOn, GivesTheBiasOfOneRow) {
  const at::Tensor x = here(at::full({1, 3}, 0.5)).requires_grad_(), weight = parameter(at::ones({3})), bias = parameter(at::full({3}, -2.0));
  const at::Tensor mean = at::zeros({3}).to(device()), variance = at::full({3}, 7.0).to(device());
  const at::Tensor out = batch_norm(x, weight, bias, mean, variance, {true, 0.5, 1e-5, 0.25});
  EXPECT_TRUE(is_close(out, here(at::full({1, 3}, -0.5))));
  EXPECT_TRUE(is_close(mean, at::full({3}, 0.25)));
  EXPECT_TRUE(is_same_bits(variance, at::full({3}, 7, variance.options())));
  const auto gradients = torch::autograd::grad({out.sum()}, {x, weight, bias});
  EXPECT_LT(gradients[0].abs().max().item<double>(), 1e-3);
  EXPECT_LT(gradients[1].abs().max().item<double>(), 1e-6);
  EXPECT_TRUE(is_close(gradients[2], at::full({3}, 0.25, bias.options())));
}

TEST_P(BatchNormOn, IgnoresStridesOfItsArguments) {
  const at::Tensor x = here(at::randn({12, 700}, at::kDouble)).t().slice(1, 0, 12, 2), weight = here(at::randn({12}, at::kDouble)).slice(0, 0, 12, 2);
  const auto run = [](const at::Tensor& rows, const at::Tensor& scale, bool contiguous) {
    const at::Tensor leaf = rows.detach().requires_grad_(), out = batch_norm(leaf, scale, {}, {}, {}, {true, 0.1, 1e-5, 0.5});
    const at::Tensor grad = at::ones({1, 1}, rows.options()).expand_as(rows);
    return at::cat({out.detach(), torch::autograd::grad({out}, {leaf}, {contiguous ? grad.contiguous() : grad})[0]});
  };
  EXPECT_TRUE(is_same_bits(run(x, weight, false), run(x.contiguous(), weight.contiguous(), true)));
}

INSTANTIATE_TEST_SUITE_P(All, BatchNormOn, ::testing::Combine(::testing::Values(at::kCPU, at::kCUDA), ::testing::Values(at::kDouble, at::kFloat, at::kHalf, at::kBFloat16)));

TEST(BatchNorm, KeepsTheVarianceOfAChannelFarFromZero) {
  const at::Tensor x = at::randn({20000, 4}) + 1e4, wide = x.to(at::kDouble);
  const at::Tensor moments = batch_norm_moments(batch_norm_sums(x));
  EXPECT_LT((moments[2] / wide.var(0, /*unbiased=*/false) - 1).abs().max().item<double>(), 1e-6);
  const at::Tensor out = batch_norm(x, {}, {}, {}, {}, {});
  EXPECT_LT((out.to(at::kDouble) - formula(wide, {}, {}, {}, {}, {})).abs().max().item<double>(), 2e-3);  // a step of fp32 near 1e4 is 1e-3
  EXPECT_LT((out.to(at::kDouble).std(0, /*unbiased=*/false) - 1).abs().max().item<double>(), 1e-3);  // where the scale is 1 within such a step, it rounds away
}

TEST(BatchNorm, HasDerivativesOfBothOrders) {
  for (const double slope : kSlopes)
    for (const bool training : {true, false}) {
      SCOPED_TRACE(c10::str("slope ", slope, training ? ", training" : ""));
      const at::Tensor mean = at::randn({3}, at::kDouble), variance = at::rand({3}, at::kDouble) + 0.5;
      const TensorFunction f = [&](const auto& t) { return batch_norm(t[0], t[1], t[2], mean.clone(), variance.clone(), {training, 0.1, 1e-3, slope}); };
      const std::vector<at::Tensor> inputs{at::randn({7, 3}, at::kDouble), at::randn({3}, at::kDouble), at::randn({3}, at::kDouble)};
      EXPECT_TRUE(gradcheck(f, inputs));
      EXPECT_TRUE(gradgradcheck(f, inputs, {1e-6, 1e-5, 1e-6}));
    }
}

TEST(BatchNorm, TellsAConvolutionWhatItDoesWithDerivativesOfBothOrders) {
  for (const bool training : {true, false}) {
    const at::Tensor mean = at::randn({3}, at::kDouble), variance = at::rand({3}, at::kDouble) + 0.5;
    const auto affine = [&](const std::vector<at::Tensor>& t, const at::Tensor& to_mean, const at::Tensor& to_variance) {
      const auto [scale, shift] = batch_norm_affine(t[0], t[1], t[2], to_mean, to_variance, {training, 0.1, 1e-3, 0.3});
      return at::cat({scale, shift});
    };
    const TensorFunction f = [&](const auto& t) { return affine(t, mean.clone(), variance.clone()); };
    const std::vector<at::Tensor> inputs{at::randn({7, 3}, at::kDouble), at::randn({3}, at::kDouble), at::randn({3}, at::kDouble)};
    EXPECT_TRUE(gradcheck(f, inputs));
    EXPECT_TRUE(gradgradcheck(f, inputs, {1e-6, 1e-5, 1e-6}));
    const at::Tensor moved = mean.clone(), spread = variance.clone(), moved_too = mean.clone(), spread_too = variance.clone();
    const at::Tensor parts = affine(inputs, moved, spread);
    const at::Tensor expected = batch_norm(inputs[0], inputs[1], inputs[2], moved_too, spread_too, {training, 0.1, 1e-3, 0.3});
    EXPECT_TRUE(is_close(at::leaky_relu(inputs[0] * parts.slice(0, 0, 3) + parts.slice(0, 3), 0.3), expected));
    EXPECT_TRUE(moved.equal(moved_too) && spread.equal(spread_too));
  }
}

TEST(BatchNorm, IsTheSameForAnyNumberOfThreadsAndAnyRun) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = (at::randn({20000, 37}) + 1).to(type).requires_grad_(), weight = at::randn({37}).requires_grad_(), bias = at::randn({37}).requires_grad_();
    const at::Tensor cotangent = at::randn(x.sizes()).to(type);
    const auto run = [&] {
      const at::Tensor mean = at::zeros({37}), variance = at::ones({37}), out = batch_norm(x, weight, bias, mean, variance, {true, 0.1, 1e-5, 0.33});
      auto all = torch::autograd::grad({out}, {x, weight, bias}, {cotangent});
      all.insert(all.end(), {out.detach(), mean, variance, batch_norm_sums(x)});
      return all;
    };
    expect_same_for_threads(run);
  }
}

TEST(BatchNorm, AddsUpOverRanks) {
  const at::Tensor x = at::randn({900, 6}) * 2 + 5, weight = at::randn({6}).requires_grad_(), bias = at::randn({6}).requires_grad_(), cotangent = at::randn(x.sizes());
  const at::Tensor leaf = x.clone().requires_grad_();
  const BatchNormOptions options{true, 0.1, 1e-5, 0.33};
  const at::Tensor whole = batch_norm(leaf, weight, bias, {}, {}, options);
  const auto expected = torch::autograd::grad({whole}, {leaf, weight, bias}, {cotangent});
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> rows, grads;
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 250}, {250, 250}, {250, 900}}) {  // one rank has no rows
    rows.push_back(x.slice(0, begin, end));
    grads.push_back(cotangent.slice(0, begin, end));
  }
  at::Tensor sums = at::zeros({3, 6}, at::kDouble), backward_sums = at::zeros({2, 6}, at::kDouble);
  for (const auto& part : rows) sums += batch_norm_sums(part);
  const at::Tensor moments = batch_norm_moments(sums);
  const ScaleShift affine = batch_norm_scale_shift(moments, weight, bias, options.eps, at::kFloat);
  std::vector<at::Tensor> outs, grad_xs;
  for (size_t rank = 0; rank < rows.size(); ++rank) {
    outs.push_back(batch_norm_apply(rows[rank], affine, options.negative_slope));
    backward_sums += batch_norm_backward_sums(grads[rank], rows[rank], affine, options.negative_slope);
  }
  EXPECT_TRUE(is_close(at::cat(outs), whole));
  for (size_t rank = 0; rank < rows.size(); ++rank) {
    const BatchNormGradients gradients = batch_norm_gradients(grads[rank], rows[rank], moments, backward_sums, affine, options);
    grad_xs.push_back(gradients.x);
    EXPECT_TRUE(is_close(gradients.weight.to(at::kFloat), expected[1]));
    EXPECT_TRUE(is_close(gradients.bias.to(at::kFloat), expected[2]));
  }
  EXPECT_TRUE(is_close(at::cat(grad_xs), expected[0]));
}

TEST(BatchNorm, HasAPortableForm) {
  for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16})
    for (const int64_t rows : {0, 1, 2, 400})
      for (const double slope : kSlopes)
        for (const bool training : {true, false}) {
          SCOPED_TRACE(c10::str(type, ", ", rows, " rows, slope ", slope, training ? ", training" : ""));
          const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
          const at::Tensor x = (at::randn({rows, 5}, at::kDouble) + 1).to(type), weight = at::randn({5}, wide), bias = at::randn({5}, wide);
          const auto run = [&](bool portable) {
            const PortableGuard guard(portable);
            const at::Tensor leaf = x.clone().requires_grad_(), mean = at::zeros({5}), variance = at::ones({5});
            const at::Tensor out = batch_norm(leaf, weight, bias, mean, variance, {training, 0.1, 1e-3, slope});
            return std::vector<at::Tensor>{out.detach(), mean, variance, torch::autograd::grad({out}, {leaf}, {cotangent_like(out)})[0]};
          };
          const auto ours = run(false), theirs = run(true);
          const bool is_smooth = type == at::kDouble || (slope == 1 && rows > 2);  // else the gradient hangs on single roundings
          for (size_t i = 0; i < ours.size(); ++i)
            if (i < 3 || is_smooth) { EXPECT_TRUE(is_close(theirs[i], ours[i])) << "tensor " << i; }
        }
}

TEST(BatchNorm, MetaTensorsGiveShapesOnly) {
  const at::TensorOptions meta(at::kMeta);
  const at::Tensor x = at::zeros({24, 5}, meta.dtype(at::kHalf)).requires_grad_(), weight = at::ones({5}, meta);
  const at::Tensor out = batch_norm(x, weight, weight, {}, {}, {});
  EXPECT_TRUE(out.is_meta());
  EXPECT_EQ(out.sizes(), x.sizes());
  EXPECT_EQ(torch::autograd::grad({out}, {x}, {out.detach()})[0].sizes(), x.sizes());
}

TEST(BatchNorm, SaysWhatIsWrong) {
  const at::Tensor x = at::zeros({4, 3}), three = at::ones({3});
  const auto error = [&](const at::Tensor& rows, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& mean, const at::Tensor& variance, const BatchNormOptions& options) {
    return error_of<Error>([&] { batch_norm(rows, weight, bias, mean, variance, options); });
  };
  const std::string where = "tev::batch_norm: ";
  EXPECT_EQ(error(x.to(at::kInt), {}, {}, {}, {}, {}), where + "x has dtype Int (float16, bfloat16, float32 or float64 was expected).");
  EXPECT_EQ(error(x[0], {}, {}, {}, {}, {}), where + "x has shape [3] ([rows, channels] was expected).");
  EXPECT_EQ(error(x, at::ones({2}), {}, {}, {}, {}), where + "weight has shape [2] ([3] was expected, the channels of x).");
  EXPECT_EQ(error(x, {}, three.to(at::kDouble), {}, {}, {}), where + "bias has dtype Double (Float was expected, the dtype of x, or float32 beside a half type).");
  EXPECT_EQ(error(x, {}, three.to(at::kMeta), {}, {}, {}), where + "bias is on meta (cpu was expected, where x is).");
  EXPECT_EQ(error(x, {}, {}, three, {}, {}), where + "running_var is missing (both were expected, or none).");
  EXPECT_EQ(error(x, {}, {}, {}, {}, {false}), where + "there are no running statistics (they were expected, as training is off). Give both, or train.");
  EXPECT_EQ(error(x, {}, {}, three.to(at::kHalf), three, {}), where + "running_mean has dtype Half (float32 or float64 was expected).");
  EXPECT_EQ(error(x, {}, {}, {}, {}, {true, 2}), where + "momentum is 2 (a number from 0 to 1 was expected).");
  EXPECT_EQ(error(x, {}, {}, {}, {}, {true, 0.1, 0}), where + "eps is 0 (a number above 0 was expected).");
  EXPECT_EQ(error(x, {}, {}, {}, {}, {true, 0.1, 1e-5, INFINITY}), where + "negative_slope is inf (a number was expected; 1 is no leaky ReLU).");
}

}  // namespace
}  // namespace tev
