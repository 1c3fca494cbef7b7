#pragma once
// Energy Flow Network.

#include "models/layers/deep_set.hpp"

namespace tev {

struct EfnOptions : DeepSetOptions {
  std::string z = "z";

  void declare(Fields& fields) override;
};

/// Energy Flow Network: sum_n z_n Phi(p_n), with z a transverse momentum fraction and p the other features.
///
/// Infrared and collinear safe if p holds angles only and z adds up under a splitting. So z must reach the network as
/// the expression gave it: a shifted or scaled z is no fraction, and the constructor refuses it.
/// @source Komiske, Metodiev, Thaler 2019 (arXiv:1810.05165), section 3
class EfnImpl : public Model {
 public:
  /// @throws InputError when z is not a feature of the object, is standardised, or is the only feature
  EfnImpl(const EfnOptions& options, const DataSpec& spec);

  at::Tensor forward(const Columns& inputs) override;

 private:
  ObjectSpec object_, event_;
  bool use_event_;
  int64_t z_index_;
  DeepSet net_{nullptr};
};
TORCH_MODULE(Efn);

}  // namespace tev
