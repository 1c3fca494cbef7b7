#pragma once
// Derivatives against central differences in fp64, for every operator.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/StringUtil.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <functional>
#include <vector>

namespace tev::test {

using TensorFunction = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

struct GradcheckOptions {
  double step = 1e-6;
  double relative = 1e-6;
  double absolute = 1e-7;
};

/// A fixed cotangent without symmetries, so that two errors cannot cancel.
inline at::Tensor cotangent_like(const at::Tensor& output) {
  return at::linspace(0.3, 2.1, output.numel(), output.options()).sin().view(output.sizes());
}

/// Gradients of (f * cotangent).sum(), zeros where f does not depend on an input.
inline std::vector<at::Tensor> analytic_gradients(const TensorFunction& f, const std::vector<at::Tensor>& inputs,
                                                  bool create_graph = false) {
  const at::Tensor output = f(inputs);
  auto gradients = torch::autograd::grad({output}, inputs, {cotangent_like(output)}, /*retain_graph=*/create_graph,
                                         create_graph, /*allow_unused=*/true);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!gradients[i].defined()) gradients[i] = at::zeros_like(inputs[i]);
  return gradients;
}

/// Compares every component of every gradient with (f(x + h) - f(x - h)) / 2h.
/// @param f       a smooth function of its inputs near them (keep away from ties and kinks)
/// @param inputs  float64, any shapes; all are differentiated
inline ::testing::AssertionResult gradcheck(const TensorFunction& f, const std::vector<at::Tensor>& inputs,
                                            GradcheckOptions options = {}) {
  std::vector<at::Tensor> points;
  for (const auto& input : inputs) points.push_back(input.detach().clone().requires_grad_());
  const auto gradients = analytic_gradients(f, points);
  const at::NoGradGuard no_grad;
  const auto value = [&] {
    const at::Tensor output = f(points);
    return (output * cotangent_like(output)).sum().item<double>();
  };
  for (size_t i = 0; i < points.size(); ++i) {
    const at::Tensor flat = points[i].detach().view({-1});  // shares memory with the point
    const at::Tensor gradient = gradients[i].reshape({-1});
    for (int64_t k = 0; k < flat.numel(); ++k) {
      const at::Tensor component = flat.select(0, k);
      const double center = component.item<double>();
      component.fill_(center + options.step);
      const double above = value();
      component.fill_(center - options.step);
      const double below = value();
      component.fill_(center);
      const double numeric = (above - below) / (2 * options.step), analytic = gradient[k].item<double>();
      if (!(std::abs(numeric - analytic) <= options.absolute + options.relative * std::abs(numeric)))
        return ::testing::AssertionFailure()
               << "input " << i << ", component " << k << ": analytic " << analytic << ", numeric " << numeric;
    }
  }
  return ::testing::AssertionSuccess();
}

/// gradcheck of the gradient itself, as a function of the inputs and of the cotangent.
inline ::testing::AssertionResult gradgradcheck(const TensorFunction& f, const std::vector<at::Tensor>& inputs,
                                                GradcheckOptions options = {}) {
  const size_t count = inputs.size();
  const TensorFunction gradient = [&](const std::vector<at::Tensor>& all) {
    const at::AutoGradMode with_grad(true);
    std::vector<at::Tensor> points;
    for (size_t i = 0; i < count; ++i)
      points.push_back(all[i].requires_grad() ? all[i] : all[i].detach().requires_grad_());
    const at::Tensor output = f(points);
    const auto gradients = torch::autograd::grad({output}, points, {all[count]}, /*retain_graph=*/true,
                                                 /*create_graph=*/true, /*allow_unused=*/true);
    std::vector<at::Tensor> flat;
    for (size_t i = 0; i < count; ++i)
      flat.push_back((gradients[i].defined() ? gradients[i] : at::zeros_like(points[i])).reshape({-1}));
    return at::cat(flat);
  };
  std::vector<at::Tensor> all = inputs;
  all.push_back(cotangent_like(f(inputs)));
  return gradcheck(gradient, all, options);
}

}  // namespace tev::test
