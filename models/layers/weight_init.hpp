#pragma once
// Initial weights by name.

#include <torch/nn/modules/linear.h>

#include <string>
#include <vector>

namespace tev {

/// `baldi_normal`: normal of standard deviation 0.1 in the first layer, 0.05 in the others, 0.001 in the output.
/// @source Baldi, Sadowski, Whiteson 2014 (arXiv:1402.4735), methods
enum class WeightInit { he_uniform, glorot_uniform, baldi_normal };

enum class LayerPlace { first, hidden, output };

/// Names for the key `init`, in the order of the enum.
const std::vector<std::string>& weight_init_names();

/// @throws InputError  listing the known names
WeightInit parse_weight_init(const std::string& name);

/// Draws the weights from the default generator and zeroes the bias. He-uniform is for hidden layers: the output layer
/// is then Glorot-uniform, the default of the library in which these recipes were published.
void init_linear(torch::nn::LinearImpl& layer, WeightInit init, LayerPlace place);

}  // namespace tev
