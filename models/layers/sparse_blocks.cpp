#include "models/layers/sparse_blocks.hpp"

#include <ATen/ops/empty.h>
#include <torch/nn/init.h>

#include <cmath>

namespace tev {
namespace {

constexpr int64_t kNeighbours = 27, kHalves = 8;

}  // namespace

SparseConvLayerImpl::SparseConvLayerImpl(int64_t taps, int64_t in, int64_t out, bool transposed) {
  weight_ = register_parameter("weight", at::empty({taps, in, out}));
  const double bound = 1 / std::sqrt(static_cast<double>(taps * (transposed ? out : in)));
  torch::nn::init::uniform_(weight_, -bound, bound);
}

SparseStepImpl::SparseStepImpl(int64_t in, int64_t out, bool transposed, const SparseBlockOptions& options)
    : norm_(in, options.norm_momentum, options.leak), conv_(kHalves, in, out, transposed) {
  register_module("norm", norm_);
  register_module("conv", conv_);
}

SparseResidualBlockImpl::SparseResidualBlockImpl(int64_t in, int64_t out, const SparseBlockOptions& options)
    : norm1_(in, options.norm_momentum, options.leak), norm2_(out, options.norm_momentum, options.leak), conv1_(kNeighbours, in, out),
      conv2_(kNeighbours, out, out) {
  register_module("norm1", norm1_);
  register_module("conv1", conv1_);
  register_module("norm2", norm2_);
  register_module("conv2", conv2_);
  if (in != out) shortcut_ = register_module("shortcut", torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false)));
}

at::Tensor SparseResidualBlockImpl::forward(const at::Tensor& x_NCi, const ConvolutionWay& way) {
  const at::Tensor y_NCo = conv1_->forward(x_NCi, way, norm1_->fusion(x_NCi));
  ConvolutionFusion fusion = norm2_->fusion(y_NCo);
  fusion.residual = shortcut_ ? shortcut_(x_NCi) : x_NCi;
  return conv2_->forward(y_NCo, way, fusion);
}

}  // namespace tev
