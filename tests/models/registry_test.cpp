#include "models/registry.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace tev {
namespace {

namespace fs = std::filesystem;

/// configs/<any topic>/<name>.yaml
bool has_configuration(const std::string& name) {
  for (const auto& topic : fs::directory_iterator("configs"))
    if (fs::exists(topic.path() / (name + ".yaml"))) return true;
  return false;
}

const DataSpec jets{{{"event", false, {"jet_pt"}, {}}, {"part", true, {"z", "eta", "phi"}, {"z"}}}, {"QCD", "top"}};

TEST(ModelRegistry, MakesEveryModelWithItsDefaults) {
  for (const auto& entry : model_registry()) {
    const auto model = entry.make_model(*entry.make_options(), jets);
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
    EXPECT_TRUE(has_configuration(entry.name)) << "model " << entry.name << " lacks configs/<topic>/" << entry.name << ".yaml";
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
            "model.name: 'pfm' is not a model (known: pfn, efn, mlp). Did you mean 'pfn'?");
}

}  // namespace
}  // namespace tev
