#include "models/registry.hpp"

#include "base/check.hpp"
#include "base/names.hpp"
#include "models/efn/efn.hpp"
#include "models/mlp/mlp.hpp"
#include "models/pfn/pfn.hpp"
#include "models/sparse_resnet/sparse_resnet.hpp"
#include "models/sparse_uresnet/sparse_uresnet.hpp"

namespace tev {
namespace {

template <class Options, class Impl>
ModelEntry entry(std::string name, std::string doc) {
  const auto make_model = [](const ModelOptions& options, const DataSpec& spec) -> std::shared_ptr<Model> {
    return std::make_shared<Impl>(dynamic_cast<const Options&>(options), spec);
  };
  return {std::move(name), std::move(doc), [] { return std::make_unique<Options>(); }, make_model};
}

}  // namespace

const std::vector<ModelEntry>& model_registry() {
  static const std::vector<ModelEntry> entries = {
      entry<PfnOptions, PfnImpl>("pfn", "Particle Flow Network (Deep Set over the rows of an object)"),
      entry<EfnOptions, EfnImpl>("efn", "Energy Flow Network (infrared and collinear safe Deep Set)"),
      entry<MlpOptions, MlpImpl>("mlp", "Fully connected network of the features of events, or of rows that have classes"),
      entry<SparseResnetOptions, SparseResnetImpl>("sparse_resnet", "Sparse ResNet: a class for each event of voxels"),
      entry<SparseUresnetOptions, SparseUresnetImpl>("sparse_uresnet", "Sparse U-ResNet: a class for each voxel of an event"),
  };
  return entries;
}

const ModelEntry& find_model(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& entry : model_registry()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw InputError(c10::str("model.name: '", name, "' is not a model (known: ", join_names(names), ").",
                            suggest_name(name, names)));
}

}  // namespace tev
