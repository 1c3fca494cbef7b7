#include "models/layers/weight_init.hpp"

#include "base/check.hpp"
#include "base/names.hpp"

#include <torch/nn/init.h>

#include <algorithm>

namespace tev {
namespace {

double baldi_sd(LayerPlace place) {
  switch (place) {
    case LayerPlace::first: return 0.1;
    case LayerPlace::hidden: return 0.05;
    case LayerPlace::output: return 0.001;
  }
  throw Error("init: unknown enumerator.");
}

}  // namespace

const std::vector<std::string>& weight_init_names() {
  static const std::vector<std::string> names = {"he_uniform", "glorot_uniform", "baldi_normal"};
  return names;
}

WeightInit parse_weight_init(const std::string& name) {
  const auto& names = weight_init_names();
  const auto found = std::find(names.begin(), names.end(), name);
  TEV_CHECK_INPUT(found != names.end(), "model.init: '", name, "' is not known (known: ", join_names(names), ").",
                  suggest_name(name, names));
  return static_cast<WeightInit>(found - names.begin());
}

void init_linear(torch::nn::LinearImpl& layer, WeightInit init, LayerPlace place) {
  if (init == WeightInit::baldi_normal) {
    torch::nn::init::normal_(layer.weight, 0., baldi_sd(place));
  } else if (init == WeightInit::glorot_uniform || place == LayerPlace::output) {
    torch::nn::init::xavier_uniform_(layer.weight);
  } else {
    torch::nn::init::kaiming_uniform_(layer.weight, 0., torch::kFanIn, torch::kReLU);
  }
  torch::nn::init::zeros_(layer.bias);
}

}  // namespace tev
