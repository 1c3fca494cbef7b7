#include "engine/config/emit.hpp"

#include "engine/config/compare.hpp"
#include "engine/config/scalars.hpp"
#include "tests/engine/config/sample_config.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace tev {
namespace {

SampleConfig awkward_config() {
  SampleConfig config;
  config.seed = std::numeric_limits<int64_t>::max();
  config.files = {"a b.h5", "1e3",         "true", "",  "- x", "a: b", "#c",
                  "'q\"",   "line\nbreak", "null", "~", "[x]", "no",   "\xc3\xa9"};
  config.shares = {1.0 / 3, 1e-300, 0.1, 1};
  config.phi = {};
  config.train.lr = 0x1.fffffffffffffp-20;
  config.train.fused = false;
  config.objects = {{"part", {"block", {0, 800}}}, {"event", {"x", {}}}};
  config.features = {{"part", {{"z", "E > 0"}, {"a", "x if y else \"z\""}}}, {"event", {}}};
  config.labels = {{"b", "2"}, {"a", "* star"}};
  return config;
}

TEST(Emit, IsReadBackAsTheSameStruct) {
  SampleConfig config = awkward_config();
  const std::string yaml = emit(Fields::of(config));
  SampleConfig read = parse_sample(yaml);
  EXPECT_EQ(emit(Fields::of(read)), yaml);
  EXPECT_TRUE(differences(Fields::of(config), Fields::of(read)).empty());
  EXPECT_EQ(read.seed, config.seed);
  EXPECT_EQ(read.files, config.files);
  EXPECT_EQ(read.shares, config.shares);
  EXPECT_EQ(read.phi, config.phi);
  EXPECT_EQ(read.train.lr, config.train.lr);
  EXPECT_EQ(read.features, config.features);
  EXPECT_EQ(read.labels, config.labels);
  EXPECT_EQ(read.objects.at(0).second.take, config.objects.at(0).second.take);
}

struct NamedConfig {
  NamedLists classes;

  void declare(Fields& fields) { fields.add("classes", classes, "Classes").location(); }
};

NamedConfig parse_named(const std::string& yaml) {
  NamedConfig config;
  parse(read_config_text(yaml, "a.yaml"), Fields::of(config));
  return config;
}

TEST(NamedLists, AreAListOfNamesOrAMapOfNamesToLists) {
  const std::pair<std::string, NamedLists> cases[] = {{"classes: [QCD, top]", {{"QCD", {}}, {"top", {}}}},
                                                      {"classes: equal", {{"equal", {}}}},
                                                      {"classes: {b: 5, light: [0, -1], tau: '15'}", {{"b", {"5"}}, {"light", {"0", "-1"}}, {"tau", {"15"}}}},
                                                      {"classes: {signal: 'sig*.h5', no: [yes]}", {{"signal", {"sig*.h5"}}, {"no", {"yes"}}}},
                                                      {"classes: []", {}}};
  for (const auto& [yaml, expected] : cases) {
    NamedConfig config = parse_named(yaml);
    EXPECT_EQ(config.classes, expected) << yaml;
    EXPECT_EQ(parse_named(emit(Fields::of(config))).classes, expected) << emit(Fields::of(config));
  }
  NamedConfig listed = parse_named("classes: [QCD, top]"), mapped = parse_named("classes: {b: 5, light: [0, 1]}");
  EXPECT_EQ(emit(Fields::of(listed)), "classes: [QCD, top]\n");
  EXPECT_EQ(emit(Fields::of(mapped)), "classes:\n  b: \"5\"\n  light: [\"0\", \"1\"]\n");
}

TEST(NamedLists, NamesArePhysicsWhereverTheirTextsPoint) {
  NamedConfig old = parse_named("classes: {a: x.h5, b: y.h5}"), moved = parse_named("classes: {a: z.h5, b: y.h5}"), swapped = parse_named("classes: {b: y.h5, a: x.h5}");
  auto found = differences(Fields::of(old), Fields::of(moved));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].text(), "classes.a: x.h5, now z.h5");
  EXPECT_EQ(found[0].kind, KeyKind::location);
  found = differences(Fields::of(old), Fields::of(swapped));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].text(), "classes (order): a, b, now b, a");
  EXPECT_EQ(found[0].kind, KeyKind::physics);
}

TEST(Emit, WritesEveryKeyOnceInTheOrderOfDeclaration) {
  SampleConfig config = parse_sample("phi: 3\nfeatures: {part: {z: x}}\nobjects: {part: {field: f}}");
  EXPECT_EQ(
      emit(Fields::of(config)),
      "seed: 0\nfiles: []\nshares: []\nphi: [3]\ntrain:\n  epochs: 10\n  lr: 0.001\n  device: auto\n  fused: true\n"
      "  threads: 0\nobjects:\n  part:\n    field: f\n    take: []\nfeatures:\n  part:\n    z: x\nlabels:\n  {}\n");
}

TEST(NumberText, IsShortAndExact) {
  EXPECT_EQ(number_text(1e-3), "0.001");
  EXPECT_EQ(number_text(1), "1.0");
  EXPECT_EQ(number_text(1e-5), "1.0e-05");
  EXPECT_EQ(number_text(1e300), "1.0e+300");
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    const uint64_t bits = random();
    double value;
    memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) {
      ASSERT_EQ(read_number(number_text(value)), value) << number_text(value);
    }
  }
}

TEST(ReadInteger, TakesIntegralForms) {
  EXPECT_EQ(read_integer("1e6"), 1000000);
  EXPECT_EQ(read_integer("-2.0"), -2);
  EXPECT_EQ(read_integer("+7"), 7);
  EXPECT_EQ(read_integer("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* text : {"", "1.5", "1e300", "0x10", " 1", "1 ", "+-1", "inf", "nan", "9223372036854775808"})
    EXPECT_EQ(read_integer(text), std::nullopt) << text;
}

}  // namespace
}  // namespace tev
