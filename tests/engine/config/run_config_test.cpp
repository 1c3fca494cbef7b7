#include "engine/config/run_config.hpp"

#include "models/registry.hpp"
#include "tests/engine/config/sample_config.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace tev {
namespace {

using test::error_of;

const char* const small_yaml = R"yaml(
seed: 3
data:
  train: a.h5
  val: b.h5
  objects: {part: {field: block, take: [0, 8], as: [E, px, py, pz], valid: E > 0}}
  label: {field: labels, classes: [QCD, top]}
  features: {part: {log_E: log(E)}}
model: {name: pfn, phi: [8, 4]}
optimizer: {name: adam, lr: 1e-3}
)yaml";

RunConfig read(const std::vector<std::string>& overrides = {}) {
  return read_run_config(small_yaml, "a.yaml", overrides);
}

std::string read_error(const std::vector<std::string>& overrides) {
  return error_of<InputError>([&] { read(overrides); });
}

TEST(RunConfig, JoinsTheSectionsAndTheOptionsOfTheChosenModel) {
  const RunConfig config = read({"train.epochs=4"});
  EXPECT_EQ(config.seed, 3);
  EXPECT_EQ(config.data.train, std::vector<std::string>{"a.h5"});
  EXPECT_EQ(config.model.name, "pfn");
  ASSERT_TRUE(config.model.options);
  EXPECT_EQ(config.train.epochs, 4);
  EXPECT_EQ(config.optimizer.lr, 1e-3);
  EXPECT_NE(config.resolved_yaml().find("  phi: [8, 4]\n"), std::string::npos) << config.resolved_yaml();
  const RunConfig mlp = read({"model={name: mlp, widths: [300, 300]}"});
  EXPECT_NE(mlp.resolved_yaml().find("  widths: [300, 300]\n"), std::string::npos) << mlp.resolved_yaml();
}

TEST(RunConfig, IsReadBackFromItsResolvedText) {
  const RunConfig config = read();
  const RunConfig again = read_run_config(config.resolved_yaml(), "config.yaml");
  EXPECT_EQ(again.resolved_yaml(), config.resolved_yaml());
  EXPECT_TRUE(differences(config, again).empty());
}

TEST(RunConfig, TellsWhatDiffersAndOfWhichKindItIs) {
  const auto found =
      differences(read(), read({"model.phi=[8,8]", "data.workers=2", "data.train=c.h5", "optimizer.lr=0.01"}));
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].text(), "data.train: [a.h5], now [c.h5]");
  EXPECT_EQ(found[0].kind, KeyKind::location);
  EXPECT_EQ(found[1].key, "data.workers");
  EXPECT_EQ(found[1].kind, KeyKind::performance);
  EXPECT_EQ(found[2].text(), "model.phi: [8, 4], now [8, 8]");
  EXPECT_EQ(found[2].kind, KeyKind::physics);
  EXPECT_EQ(found[3].text(), "optimizer.lr: 0.001, now 0.01");
}

TEST(RunConfig, NamesAnUnknownModelAndAnUnknownOption) {
  EXPECT_EQ(read_error({"model.name=pfm"}),
            "override model.name=pfm: 'pfm' is not one of: pfn, efn, mlp, sparse_resnet, sparse_uresnet. Did you mean 'pfn'?");
  EXPECT_EQ(read_error({"model.phy=[1]"}).rfind("override model.phy=[1]: unknown key (keys: name, phi, ", 0), 0u);
  EXPECT_EQ(read_error({"model={phi: [1]}"}).rfind("override model={phi: [1]}: model.name: missing (", 0), 0u);
}

TEST(RunConfig, ChecksWhatNoSingleKeyCanSay) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"data.train=[]"}, "a.yaml: data.train: missing (no training files, and no data.files to cut). Add it."},
      {{"data.val=[]"}, "a.yaml: data.val: missing (validation events choose the best checkpoint). Add it."},
      {{"data.split.train=0.5"},
       "a.yaml: data.split: given without data.files, which it cuts. Give data.files instead of data.train."},
      {{"data.files=x.h5"},
       "a.yaml: data.files: given together with data.train, data.val or data.test. Keep one of the two ways."},
      {{"data.train=[]", "data.val=[]", "data.files=x.h5"},
       "a.yaml: data.split: train 0 and val 0 (both need a share of data.files). Write split: {train: 0.8, val: 0.1, "
       "test: 0.1}."},
      {{"data.train=[]", "data.val=[]", "data.files=x.h5", "data.split={train: 0.8, val: 0.3}"},
       "a.yaml: data.split: the shares add up to 1.1 (at most 1 was expected). Make them smaller."},
      {{"data.label.classes=[top]"},
       "a.yaml: data.label.classes: 1 class (top; at least two were expected). List every class in the order of the "
       "label."},
      {{"data.label.classes=[top, top]"}, "a.yaml: data.label.classes: a name is given twice (top, top)."},
      {{"data.label={classes: [QCD, top]}"},
       "a.yaml: data.label.field: missing (what holds the class of an event; or data.label.files, where the files say it). Add it."},
      {{"data.label.classes={QCD: 0, top: 0}"},
       "a.yaml: data.label.classes: the value 0 is given twice (an event has one class). Keep it in one place."},
      {{"data.features.prat.x=log(E)"},
       "a.yaml: data.features.prat: no such object (objects: event, part). Did you mean 'part'?"},
      {{"data.features={}"},
       "a.yaml: data.features: missing (the network would have no input). Add <object>: {<name>: <expression>}."},
      {{"train.batch_size=0"}, "override train.batch_size=0: 0 is out of range (expected >= 1)."},
  };
  for (const auto& [overrides, message] : mistakes) EXPECT_EQ(read_error(overrides), message);
  EXPECT_EQ(
      read_error({"data.train=[]", "data.val=[]", "data.files=x.h5", "data.split={train: .8, val: .1, test: .1}"}), "");
  EXPECT_EQ(read_error({"data.features={event: {n: event_sum(E)}}"}), "");
  EXPECT_NE(read_error({"optimizer.momentum=0.9"}), "");
  EXPECT_NE(read_error({"schedule.name=step"}), "");
}

TEST(RunConfig, NamesAMissingSectionByItsRequiredKey) {
  const std::string error = error_of<InputError>([] { read_run_config("seed: 1\n", "a.yaml"); });
  EXPECT_EQ(error.rfind("a.yaml:1: data.objects: missing (", 0), 0u) << error;
}

TEST(RunConfig, ReadsEveryShippedConfiguration) {
  setenv("TEVATRAIN_DATA", "/data", 1);
  const RunConfig config = load_run_config("configs/top/pfn.yaml");
  EXPECT_EQ(config.data.train, std::vector<std::string>{"/data/top_jets/train.h5"});
}

TEST(RunConfigSchema, KnowsEveryModel) {
  const auto schema = nlohmann::json::parse(run_config_schema());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["required"].dump(), R"(["data","model"])");
  const auto& models = schema["properties"]["model"]["oneOf"];
  ASSERT_EQ(models.size(), model_registry().size());
  EXPECT_EQ(models[0]["properties"]["name"]["const"], "pfn");
  EXPECT_TRUE(models[0]["properties"].contains("phi"));
}

TEST(RunConfigReference, IsThePageInTheTree) {
  EXPECT_TRUE(test::text_of("docs/configuration.md") == run_config_reference())
      << "docs/configuration.md is not what the declarations say. Regenerate it: tevatrain schema --reference > "
         "docs/configuration.md";
}

}  // namespace
}  // namespace tev
