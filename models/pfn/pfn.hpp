#pragma once
// Particle Flow Network.

#include "models/layers/deep_set.hpp"

namespace tev {

struct PfnOptions : DeepSetOptions {};

/// Particle Flow Network: a Deep Set over all features of the rows of one object.
/// @source Komiske, Metodiev, Thaler 2019 (arXiv:1810.05165), section 3
class PfnImpl : public Model {
 public:
  /// @throws InputError for an object that the data do not have
  PfnImpl(const PfnOptions& options, const DataSpec& spec);

  at::Tensor forward(const Columns& inputs) override;

 private:
  ObjectSpec object_, event_;
  bool use_event_;
  DeepSet net_{nullptr};
};
TORCH_MODULE(Pfn);

}  // namespace tev
