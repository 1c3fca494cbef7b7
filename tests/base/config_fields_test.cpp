#include "base/config_fields.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

struct Inner {
  double lr = 0.1;
  void declare(Fields& fields) { fields.add("lr", lr, "Step size").above(0).unit("1"); }
};

struct Outer {
  int64_t seed = 3;
  Inner inner;
  std::vector<std::pair<std::string, Inner>> named;
  void declare(Fields& fields) {
    fields.add("seed", seed, "Random seed").at_least(0).performance();
    fields.section("inner", inner, "One");
    fields.sections("named", named, "Many");
  }
};

TEST(Fields, ListKeysInTheOrderOfTheirDeclaration) {
  Outer outer;
  const Fields fields = Fields::of(outer);
  ASSERT_EQ(fields.list().size(), 3);
  EXPECT_EQ(fields.list()[0].key, "seed");
  EXPECT_EQ(fields.list()[0].kind, KeyKind::performance);
  EXPECT_EQ(fields.list()[0].minimum, 0);
  EXPECT_FALSE(fields.list()[0].exclusive_minimum);
  EXPECT_EQ(fields.list()[1].key, "inner");
  EXPECT_EQ(fields.list()[2].key, "named");
}

TEST(Fields, PointIntoTheStructThatTheyWereMadeOf) {
  Outer outer;
  const Fields fields = Fields::of(outer);
  *std::get<int64_t*>(fields.list()[0].target) = 9;
  const auto& inner = *std::get<std::shared_ptr<Fields>>(fields.list()[1].target);
  *std::get<double*>(inner.list()[0].target) = 0.5;
  EXPECT_TRUE(inner.list()[0].exclusive_minimum);
  EXPECT_EQ(outer.seed, 9);
  EXPECT_EQ(outer.inner.lr, 0.5);
}

TEST(Fields, AddNamedSectionsAndListThem) {
  Outer outer;
  const Fields fields = Fields::of(outer);
  const auto& map = std::get<SectionMap>(fields.list()[2].target);
  EXPECT_TRUE(map.entries().empty());
  const Fields first = map.emplace("b");
  *std::get<double*>(first.list()[0].target) = 0.25;
  map.emplace("a");
  ASSERT_EQ(map.entries().size(), 2);
  EXPECT_EQ(map.entries()[0].first, "b");
  EXPECT_EQ(outer.named[0].second.lr, 0.25);
  EXPECT_EQ(map.prototype().list()[0].key, "lr");
}

}  // namespace
}  // namespace tev
