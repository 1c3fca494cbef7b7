#pragma once
// What sparse convolutional networks are built of.

#include "models/layers/norm_activation.hpp"
#include "models/layers/voxel_levels.hpp"

#include <torch/nn/modules/linear.h>

namespace tev {

/// Keys that all blocks of a network share.
struct SparseBlockOptions {
  double norm_momentum = 0.01;
  double leak = 0.33;
};

/// A convolution over a way, without bias. Weights start uniform within 1 / sqrt(taps x channels of one end), as in MinkowskiEngine.
class SparseConvLayerImpl : public torch::nn::Module {
 public:
  SparseConvLayerImpl(int64_t taps, int64_t in, int64_t out, bool transposed = false);
  at::Tensor forward(const at::Tensor& x_NCi, const ConvolutionWay& way, const ConvolutionFusion& fusion = {}) { return way.convolve(x_NCi, weight_, fusion); }

 private:
  at::Tensor weight_;  ///< [taps, in, out]
};
TORCH_MODULE(SparseConvLayer);

/// Normalisation, activation, convolution: from one level to the next coarser or finer one.
class SparseStepImpl : public torch::nn::Module {
 public:
  SparseStepImpl(int64_t in, int64_t out, bool transposed, const SparseBlockOptions& options);
  at::Tensor forward(const at::Tensor& x_NCi, const ConvolutionWay& way) { return conv_->forward(x_NCi, way, norm_->fusion(x_NCi)); }

 private:
  NormActivation norm_;
  SparseConvLayer conv_;
};
TORCH_MODULE(SparseStep);

/// x + conv(act(norm(conv(act(norm(x)))))), 3 x 3 x 3, with a linear layer on the way of x where the channels change.
/// @source He et al. 2016 (arXiv:1603.05027)
class SparseResidualBlockImpl : public torch::nn::Module {
 public:
  SparseResidualBlockImpl(int64_t in, int64_t out, const SparseBlockOptions& options);
  at::Tensor forward(const at::Tensor& x_NCi, const ConvolutionWay& way);

 private:
  NormActivation norm1_, norm2_;
  SparseConvLayer conv1_, conv2_;
  torch::nn::Linear shortcut_{nullptr};
};
TORCH_MODULE(SparseResidualBlock);

}  // namespace tev
