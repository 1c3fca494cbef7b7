#include "data/transform/raw_object.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

std::string object_error(const std::string& name, const ObjectConfig& config) {
  return test::error_of<InputError>([&] { raw_objects({{name, config}}); });
}

ObjectConfig object(std::vector<std::string> as, std::vector<std::string> columns = {}, std::string valid = "") {
  ObjectConfig config;
  config.as = std::move(as);
  config.columns = std::move(columns);
  config.valid = std::move(valid);
  return config;
}

TEST(RawObject, ColumnsAreNamedByAsOrElseByTheFile) {
  const auto objects =
      raw_objects({{"part", object({"E", "px"}, {"e", "p_x"}, "E > 0")}, {"event", object({}, {"met"})}});
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0].columns, (std::vector<std::string>{"E", "px"}));
  EXPECT_TRUE(objects[0].ragged);
  EXPECT_EQ(objects[0].valid, "E > 0");
  EXPECT_EQ(objects[1].columns, (std::vector<std::string>{"met"}));
  EXPECT_FALSE(objects[1].ragged);
}

TEST(RawObject, MistakesAreNamed) {
  EXPECT_EQ(object_error("part", object({})),
            "data.objects.part.as: empty (expressions need names for the columns). List one name for "
            "each value of a row.");
  EXPECT_EQ(object_error("part", object({"E", "E"})),
            "data.objects.part.as: the name 'E' stands twice (every column needs a name of its "
            "own). Rename one of the two.");
  EXPECT_EQ(object_error("part", object({"E"}, {"a", "b"})),
            "data.objects.part.as: 1 names for 2 columns (`as` renames `columns` one by "
            "one). List as many names as columns.");
  EXPECT_EQ(object_error("event", object({"met"}, {}, "met > 0")),
            "data.objects.event.valid: 'met > 0' given for the event itself (it has "
            "one row, which cannot be dropped). Use data.select.");
}

}  // namespace
}  // namespace tev
