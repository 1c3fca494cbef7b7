#pragma once
// Sparse U-ResNet: semantic segmentation of voxels.

#include "models/layers/sparse_encoder.hpp"

namespace tev {

struct SparseUresnetOptions : SparseEncoderOptions {};

/// A U-Net of sparse convolutions with pre-activation residual blocks: an encoder, and on the way up `reps` blocks of the joined features of both ways.
/// No layer but the output has a bias.
/// @source Domine, Terao 2020 (arXiv:1903.05663); SPINE, spine/model/uresnet.py; Graham et al. 2018 (arXiv:1711.10275)
class SparseUresnetImpl : public Model {
 public:
  /// @throws InputError for an object or coordinates that the data do not have, or coordinates that are standardised
  SparseUresnetImpl(const SparseUresnetOptions& options, const DataSpec& spec);

  /// @return  logits [N, classes] of the rows of the object, in their order
  at::Tensor forward(const Columns& inputs) override;

 private:
  VoxelColumns columns_;
  Duplicates duplicates_;
  int64_t depth_;
  SparseEncoder encoder_;
  std::vector<SparseStep> up_;                                ///< to level l
  std::vector<std::vector<SparseResidualBlock>> decoder_;  ///< of level l
  NormActivation norm_;
  torch::nn::Linear output_;
};
TORCH_MODULE(SparseUresnet);

}  // namespace tev
