#pragma once
// Sparse ResNet: a class for each event of voxels.

#include "models/layers/sparse_encoder.hpp"

namespace tev {

struct SparseResnetOptions : SparseEncoderOptions {};

/// The encoder of sparse_uresnet, and a linear layer of the mean over the voxels of the coarsest level: images of jets or of events of detectors, of
/// which few pixels are lit. An image in two dimensions has z = 0.
/// @source He et al. 2016 (arXiv:1603.05027); Andrews et al. 2020 (arXiv:1902.08276), jet images end to end; Aurisano et al. 2016 (arXiv:1604.01444)
class SparseResnetImpl : public Model {
 public:
  /// @throws InputError as SparseUresnetImpl
  SparseResnetImpl(const SparseResnetOptions& options, const DataSpec& spec);

  /// @return  logits [B, classes]; of an event without voxels those of features that are 0
  at::Tensor forward(const Columns& inputs) override;

 private:
  VoxelColumns columns_;
  Duplicates duplicates_;
  int64_t depth_;
  SparseEncoder encoder_;
  NormActivation norm_;
  torch::nn::Linear output_;
};
TORCH_MODULE(SparseResnet);

}  // namespace tev
