#include "models/registry.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace tev {
namespace {

namespace fs = std::filesystem;

/// A configs/<topic>/<study>.yaml of this model.
bool has_configuration(const std::string& name) {
  for (const auto& file : fs::recursive_directory_iterator("configs")) {
    std::ifstream text(file.path());
    for (std::string line; std::getline(text, line);)
      if (line.find("model: {name: " + name) == 0) return true;
  }
  return false;
}

const DataSpec jets{{{"event", false, {"jet_pt"}, {}}, {"part", true, {"z", "eta", "phi"}, {"z"}}}, {"QCD", "top"}};
const DataSpec voxels{{{"voxel", true, {"x", "y", "z", "energy"}, {"x", "y", "z"}}}, {"shower", "track"}, "voxel"};

const DataSpec images{voxels.objects, voxels.classes};

const DataSpec& spec_for(const ModelEntry& entry) { return entry.name == "sparse_uresnet" ? voxels : entry.name == "sparse_resnet" ? images : jets; }

TEST(ModelRegistry, MakesEveryModelWithItsDefaults) {
  for (const auto& entry : model_registry()) {
    const auto model = entry.make_model(*entry.make_options(), spec_for(entry));
    EXPECT_FALSE(model->parameters().empty()) << entry.name;
    EXPECT_FALSE(entry.doc.empty()) << entry.name;
  }
}

TEST(ModelRegistry, EveryModelHasItsFiles) {
  for (const auto& entry : model_registry()) {
    for (const auto& path :
         {"models/" + entry.name + "/" + entry.name + ".hpp", "models/" + entry.name + "/" + entry.name + ".cpp",
          "tests/models/" + entry.name + "_test.cpp", "tests/engine/train/golden/" + entry.name + ".json"})
      EXPECT_TRUE(fs::exists(path)) << "model " << entry.name << " lacks " << path;
    EXPECT_TRUE(has_configuration(entry.name)) << "model " << entry.name << " lacks a configuration configs/<topic>/<study>.yaml";
  }
}

TEST(ModelRegistry, DeclaresEveryKeyOnceWithADescription) {
  for (const auto& entry : model_registry()) {
    const auto options = entry.make_options();
    Fields fields;
    options->declare(fields);
    std::set<std::string> keys;
    for (const auto& field : fields.list()) {
      EXPECT_TRUE(keys.insert(field.key).second) << entry.name << "." << field.key;
      EXPECT_FALSE(field.doc.empty()) << entry.name << "." << field.key;
    }
  }
}

TEST(ModelRegistry, TheSameSeedGivesTheSameWeights) {
  const auto& entry = find_model("pfn");
  at::manual_seed(9);
  const auto first = entry.make_model(*entry.make_options(), jets);
  at::manual_seed(9);
  const auto second = entry.make_model(*entry.make_options(), jets);
  const auto a = first->parameters(), b = second->parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].equal(b[i]));
}

TEST(ModelRegistry, AnUnknownNamePrintsTheKnownOnes) {
  EXPECT_EQ(test::error_of<InputError>([] { find_model("pfm"); }),
            "model.name: 'pfm' is not a model (known: pfn, efn, mlp, sparse_resnet, sparse_uresnet). Did you mean 'pfn'?");
}

}  // namespace
}  // namespace tev
