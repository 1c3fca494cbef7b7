#include "tests/engine/config/sample_config.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tev {
namespace {

TEST(Parse, FillsEveryTypeAndKeepsDefaultsOfAbsentKeys) {
  const SampleConfig config = parse_sample(R"yaml(
seed: -3
files: [a.h5, b.h5]
shares: [0.8, 1]
train: {lr: 1e-3, epochs: 1e6, fused: false}
objects:
  part: {field: block, take: [0, 800]}
  event: {field: other}
features:
  part: {z: E > 0, a: "log(pt(px, py))"}
labels: {one: 1}
)yaml");
  EXPECT_EQ(config.seed, -3);
  EXPECT_EQ(config.files, (std::vector<std::string>{"a.h5", "b.h5"}));
  EXPECT_EQ(config.shares, (std::vector<double>{0.8, 1.0}));
  EXPECT_EQ(config.phi, (std::vector<int64_t>{100, 256}));
  EXPECT_EQ(config.train.lr, 1e-3);
  EXPECT_EQ(config.train.epochs, 1000000);
  EXPECT_FALSE(config.train.fused);
  EXPECT_EQ(config.train.device, "auto");
  ASSERT_EQ(config.objects.size(), 2u);
  EXPECT_EQ(config.objects[0].first, "part");
  EXPECT_EQ(config.objects[0].second.take, (std::vector<int64_t>{0, 800}));
  EXPECT_EQ(config.objects[1].second.field, "other");
  EXPECT_EQ(config.features[0].second, (StringMap{{"z", "E > 0"}, {"a", "log(pt(px, py))"}}));  // the order of the file
  EXPECT_EQ(config.labels, (StringMap{{"one", "1"}}));
}

TEST(Parse, TakesASingleValueAsAListOfOneAndAnEmptySectionAsDefaults) {
  const SampleConfig config = parse_sample("files: a.h5\nphi: 64\ntrain:\nlabels:\n");
  EXPECT_EQ(config.files, std::vector<std::string>{"a.h5"});
  EXPECT_EQ(config.phi, std::vector<int64_t>{64});
  EXPECT_EQ(config.train.epochs, 10);
  EXPECT_TRUE(parse_sample("phi: []").phi.empty());
}

TEST(Parse, NamesAnUnknownKeyItsLineAndTheNearestOne) {
  EXPECT_EQ(parse_error("seed: 1\ntrain:\n  epocs: 3\n"),
            "a.yaml:3: train.epocs: unknown key (keys: epochs, lr, device, fused, threads). Did you mean 'epochs'?");
  EXPECT_EQ(parse_error("objects: {part: {field: x, tak: 1}}"),
            "a.yaml:1: objects.part.tak: unknown key (keys: field, take). Did you mean 'take'?");
}

TEST(Parse, NamesAValueOfTheWrongType) {
  EXPECT_EQ(parse_error("train:\n  epochs: three"),
            "a.yaml:2: train.epochs: 'three' is not an integer (expected >= 1).");
  EXPECT_EQ(parse_error("seed: 1.5"), "a.yaml:1: seed: '1.5' is not an integer.");
  EXPECT_EQ(parse_error("seed: '1'"), "a.yaml:1: seed: '1' is text in quotes, not an integer.");
  EXPECT_EQ(parse_error("seed: 3x"), "a.yaml:1: seed: '3x' is not an integer.");
  EXPECT_EQ(parse_error("seed: 99999999999999999999"), "a.yaml:1: seed: '99999999999999999999' is not an integer.");
  EXPECT_EQ(parse_error("train: {lr: nan}"), "a.yaml:1: train.lr: 'nan' is not a number (expected > 0, <= 10).");
  EXPECT_EQ(parse_error("train: {fused: 1}"), "a.yaml:1: train.fused: '1' is not true or false.");
  EXPECT_EQ(parse_error("phi: [1,\n  b]"), "a.yaml:2: phi[1]: 'b' is not an integer (expected >= 1).");
  EXPECT_EQ(parse_error("train: {lr: [1]}"),
            "a.yaml:1: train.lr: is a list (a number was expected). Write 'lr: VALUE' or remove the line.");
  EXPECT_EQ(parse_error("seed:"),
            "a.yaml:1: seed: is empty (an integer was expected). Write 'seed: VALUE' or remove the line.");
  EXPECT_EQ(parse_error("train: 3"), "a.yaml:1: train: is the single value '3' (a section with keys was expected).");
  EXPECT_EQ(parse_error("features: {part: 3}"),
            "a.yaml:1: features.part: is the single value '3' (a map 'NAME: ...' was expected).");
}

TEST(Parse, NamesAValueOutOfRangeOrOutsideTheChoices) {
  EXPECT_EQ(parse_error("train: {epochs: 0}"), "a.yaml:1: train.epochs: 0 is out of range (expected >= 1).");
  EXPECT_EQ(parse_error("train: {lr: 0}"), "a.yaml:1: train.lr: 0 is out of range (expected > 0, <= 10).");
  EXPECT_EQ(parse_error("shares: [0.5, 1.5]"), "a.yaml:1: shares[1]: 1.5 is out of range (expected 0 to 1).");
  EXPECT_EQ(parse_error("train: {device: gpu}"),
            "a.yaml:1: train.device: 'gpu' is not one of: auto, cpu, cuda. Did you mean 'cpu'?");
}

TEST(Parse, NamesAMissingRequiredKeyWithTheLineOfItsSection) {
  EXPECT_EQ(parse_error("objects:\n  part:\n    take: 1\n"),
            "a.yaml:3: objects.part.field: missing (it has no default: Dataset). Add it.");
  struct Outer {
    ColumnsConfig inner;
    void declare(Fields& fields) { fields.section("inner", inner, "Inner"); }
  } outer;
  ConfigNode empty;
  empty.where = "b.yaml";
  EXPECT_EQ(test::error_of<InputError>([&] { parse(empty, Fields::of(outer)); }),
            "b.yaml: inner.field: missing (it has no default: Dataset). Add it.");
}

TEST(Parse, RefusesNamesThatAreNoIdentifiers) {
  EXPECT_EQ(parse_error("features: {part: {log-pt: x}}"),
            "a.yaml:1: features.part: 'log-pt' is not a name (letters, digits and underscores were expected, no digit "
            "first).");
  EXPECT_EQ(
      parse_error("features: {part: {a: pt(px, py)}}"),
      "a.yaml:1: features.part: 'py)' is not a name (letters, digits and underscores were expected, no digit first). "
      "A comma inside {...} ends a value: put such text in quotes.");
  EXPECT_NE(parse_error("objects: {2nd: {field: x}}"), "");
}

TEST(Parse, ExpandsEnvironmentVariablesWhereTheFieldSaysSo) {
  setenv("TEV_TEST_DIR", "/data", 1);
  unsetenv("TEV_TEST_UNSET");
  const auto files = [](const std::string& text) { return parse_sample("files: [\"" + text + "\"]").files.at(0); };
  EXPECT_EQ(files("${TEV_TEST_DIR}/x/${TEV_TEST_DIR}.h5"), "/data/x//data.h5");
  EXPECT_EQ(files("${TEV_TEST_UNSET:-here}/x"), "here/x");
  EXPECT_EQ(files("${TEV_TEST_DIR:-here}/x"), "/data/x");
  EXPECT_EQ(files("$HOME/$x"), "$HOME/$x");
  EXPECT_EQ(parse_sample("labels: {a: '${TEV_TEST_UNSET}'}").labels[0].second, "${TEV_TEST_UNSET}");
  EXPECT_EQ(parse_error("seed: 1\nfiles: ${TEV_TEST_UNSET}/x.h5"),
            "a.yaml:2: files: the environment variable TEV_TEST_UNSET of '${TEV_TEST_UNSET}/x.h5' is not set. "
            "Set it (export TEV_TEST_UNSET=...) or write ${TEV_TEST_UNSET:-default}.");
  EXPECT_NE(parse_error("files: '${TEV_TEST_DIR'").find("without its own '}'"), std::string::npos);
  EXPECT_NE(parse_error("files: '${A:-${B}}'").find("without its own '}'"), std::string::npos);
  EXPECT_NE(parse_error("files: '${A b}'").find("not the name"), std::string::npos);
}

TEST(Overrides, SetAndMakeKeysBeforeParsing) {
  const SampleConfig config =
      parse_sample("train: {epochs: 3}\nfeatures: {part: {a: x, b: y}}",
                   {"train.epochs=4", "phi=[64,64]", "features.part.b=E > 0", "features.part.z=log(pt(px, py))",
                    "objects.part={field: q}", "train.epochs=5", "files=a=b.h5"});
  EXPECT_EQ(config.train.epochs, 5);
  EXPECT_EQ(config.phi, (std::vector<int64_t>{64, 64}));
  EXPECT_EQ(config.features[0].second, (StringMap{{"a", "x"}, {"b", "E > 0"}, {"z", "log(pt(px, py))"}}));
  EXPECT_EQ(config.objects[0].second.field, "q");
  EXPECT_EQ(config.files, std::vector<std::string>{"a=b.h5"});
}

TEST(Overrides, AreNamedByErrors) {
  EXPECT_EQ(parse_error("seed: 1", {"train.epochs=abc"}),
            "override train.epochs=abc: 'abc' is not an integer (expected >= 1).");
  EXPECT_EQ(parse_error("seed: 1", {"train.epocs=3"}),
            "override train.epocs=3: unknown key (keys: epochs, lr, device, fused, threads). Did you mean 'epochs'?");
  EXPECT_EQ(
      parse_error("seed: 1", {"trian.epochs=3"}),
      "override trian.epochs=3: trian: unknown key (keys: seed, files, shares, phi, train, objects, features, labels). "
      "Did you mean 'train'?");
  EXPECT_EQ(parse_error("seed: 1", {"seed.x=3"}),
            "override seed.x=3: seed is a value, not a section (set in a.yaml:1). Override seed itself.");
  EXPECT_EQ(parse_error("seed: 1", {"seed"}), "override seed: has no '='. Write KEY=VALUE, such as train.epochs=3.");
  EXPECT_EQ(
      parse_error("seed: 1", {"train..epochs=3"}),
      "override train..epochs=3: 'train..epochs' has an empty name. Write SECTION.KEY=VALUE, such as train.epochs=3.");
  EXPECT_NE(parse_error("seed: 1", {".=3"}), "");
  EXPECT_EQ(parse_error("seed: 1", {"seed="}), "override seed=: '' is text in quotes, not an integer.");
  EXPECT_EQ(parse_error("seed: 1", {"phi=[1, 0]"}), "override phi=[1, 0]: phi[1]: 0 is out of range (expected >= 1).");
  EXPECT_EQ(parse_error("seed: 1", {"phi=[1"}).rfind("override phi=[1: is not valid YAML (", 0), 0u);
}

}  // namespace
}  // namespace tev
