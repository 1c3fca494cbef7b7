#pragma once
// The configuration of the optimizer.

#include "base/config_fields.hpp"

namespace tev {

/// Names of the update rules.
std::vector<std::string> optimizer_names();

/// Section `optimizer`. Names, meaning and defaults are those of torch.optim.
struct OptimizerConfig {
  std::string name = "adam";
  double lr = 1e-3;
  double weight_decay = 0;
  double momentum = 0;
  double final_momentum = 0;
  double momentum_epochs = 0;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double clip_norm = 0;

  void declare(Fields& fields) {
    fields.add("name", name, "The update rule.").one_of(optimizer_names());
    fields.add("lr", lr, "Learning rate; a schedule starts from it (one_cycle: rises to it).").at_least(0);
    fields.add("weight_decay", weight_decay,
               "L2 penalty added to the gradient (sgd, adam) or decay of the weights by lr * weight_decay (adamw).")
        .at_least(0);
    fields.add("momentum", momentum, "sgd: share of the last update that is kept; below 1.").at_least(0).at_most(1);
    fields.add("final_momentum", final_momentum, "sgd: momentum reached after momentum_epochs; below 1.")
        .at_least(0).at_most(1);
    fields.add("momentum_epochs", momentum_epochs,
               "sgd: the momentum moves linearly from momentum to final_momentum in this time; 0 keeps it constant.")
        .at_least(0).unit("epochs");
    fields.add("nesterov", nesterov, "sgd: Nesterov's form of the momentum.");
    fields.add("beta1", beta1, "adam, adamw: decay of the mean of the gradient; below 1.").at_least(0).at_most(1);
    fields.add("beta2", beta2, "adam, adamw: decay of the mean of the squared gradient; below 1.")
        .at_least(0)
        .at_most(1);
    fields.add("eps", eps, "adam, adamw: added to the denominator.").at_least(0);
    fields.add("clip_norm", clip_norm, "Gradients are scaled down to this global norm; 0 leaves them.").at_least(0);
  }

  /// Checks what a single key cannot say: values below 1, and keys that the chosen rule would ignore.
  /// @throws InputError
  void validate() const;
};

}  // namespace tev
