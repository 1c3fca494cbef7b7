#pragma once
// Updates parameters from their gradients.

#include "base/named_tensors.hpp"
#include "engine/optimizer/optimizer_config.hpp"

#include <memory>

namespace tev {

/// An update rule over named parameters, step by step equal to torch.optim.
/// It has no clock: learning rate and momentum come in with every step (see Schedule), so that a continued run needs no
/// scheduler state. The arithmetic is done by ATen's fused kernels, one call for all parameters.
class Optimizer {
 public:
  /// @param parameters  leaves of one floating dtype on one device, dense; shared with the model
  explicit Optimizer(NamedTensors parameters);
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient; the others and their state stay as they are.
  /// @param lr        learning rate of this step
  /// @param momentum  sgd: momentum; adam, adamw: beta1
  void step(double lr, double momentum);

  /// Drops the gradients. Dropping is cheaper than filling with zeros: backward then moves its result into place
  /// instead of adding to a buffer.
  void zero_grad();

  const NamedTensors& parameters() const { return parameters_; }

  /// The state as "<kind>/<parameter>", e.g. "exp_avg/phi.0.weight". The tensors are shared, not copied.
  NamedTensors state() const;

  /// Copies a state made by state() into place, whatever its order and device.
  /// @throws Error  names that are missing, unknown or of another shape or dtype; nothing is copied then
  void load_state(const NamedTensors& state);

 protected:
  using Tensors = std::vector<at::Tensor>;

  /// Adds a kind of state and returns its index. @param tensors  one for each parameter
  size_t add_state(std::string kind, Tensors tensors);

  /// One zero tensor like each parameter.
  Tensors zeros_like_parameters() const;

  /// What one step works on: parameters with a gradient, and their state by kind.
  struct Active {
    Tensors parameters;
    Tensors gradients;
    std::vector<Tensors> state;
  };
  virtual void update(Active& active, double lr, double momentum) = 0;

 private:
  NamedTensors parameters_;
  std::vector<std::pair<std::string, Tensors>> state_;
};

/// The optimizer that the configuration names.
/// @throws InputError  see OptimizerConfig::validate
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, NamedTensors parameters);

}  // namespace tev
