#include "engine/config/compare.hpp"

#include "tests/engine/config/sample_config.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

std::vector<Difference> compare(const std::string& old_yaml, const std::string& new_yaml) {
  SampleConfig before = parse_sample(old_yaml), after = parse_sample(new_yaml);
  return differences(Fields::of(before), Fields::of(after));
}

TEST(Compare, FindsNothingBetweenEqualConfigurations) {
  const std::string yaml = "seed: 1\nfeatures: {part: {a: x, b: y}}\nobjects: {part: {field: f}}";
  EXPECT_TRUE(compare(yaml, yaml).empty());
  EXPECT_TRUE(compare("train: {lr: 1e-3}", "train: {lr: 0.001}").empty());
}

TEST(Compare, GivesKeyBothValuesAndKind) {
  const auto found = compare("train: {lr: 0.1, threads: 2}\nfiles: a", "train: {lr: 0.2, threads: 4}\nfiles: [a, b]");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].text(), "files: [a], now [a, b]");
  EXPECT_EQ(found[0].kind, KeyKind::location);
  EXPECT_EQ(found[1].text(), "train.lr: 0.1, now 0.2");
  EXPECT_EQ(found[1].kind, KeyKind::physics);
  EXPECT_EQ(found[2].kind, KeyKind::performance);
}

TEST(Compare, SeesAddedRemovedAndReorderedNames) {
  const auto added = compare("features: {part: {a: x}}", "features: {part: {a: x, b: y}}");
  ASSERT_EQ(added.size(), 2u);
  EXPECT_EQ(added[0].text(), "features.part (order): a, now a, b");
  EXPECT_EQ(added[1].text(), "features.part.b: (not there), now y");
  const auto reordered = compare("features: {part: {a: x, b: y}}", "features: {part: {b: y, a: x}}");
  ASSERT_EQ(reordered.size(), 1u);
  EXPECT_EQ(reordered[0].text(), "features.part (order): a, b, now b, a");
  const auto removed = compare("objects: {part: {field: f}}", "seed: 0");
  ASSERT_FALSE(removed.empty());
  EXPECT_EQ(removed[0].text(), "objects.part.field: f, now (not there)");
}

}  // namespace
}  // namespace tev
