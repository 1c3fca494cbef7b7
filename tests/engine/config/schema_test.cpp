#include "engine/config/schema.hpp"

#include "engine/config/reference.hpp"
#include "tests/engine/config/sample_config.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tev {
namespace {

TEST(Schema, CarriesTypesLimitsChoicesDefaultsAndDescriptions) {
  SampleConfig config;
  const auto schema = section_schema(Fields::of(config));
  EXPECT_EQ(schema["type"], "object");
  EXPECT_EQ(schema["additionalProperties"], false);
  const auto& train = schema["properties"]["train"]["properties"];
  EXPECT_EQ(
      train["epochs"].dump(),
      R"({"type":"integer","minimum":1,"default":10,"description":"Passes","x-unit":"epochs","x-kind":"physics"})");
  EXPECT_EQ(train["lr"]["exclusiveMinimum"], 0.0);
  EXPECT_EQ(train["lr"]["maximum"], 10.0);
  EXPECT_EQ(train["device"]["enum"].dump(), R"(["auto","cpu","cuda"])");
  EXPECT_EQ(train["threads"]["x-kind"], "performance");
  EXPECT_EQ(schema["properties"]["phi"]["anyOf"][0]["items"]["type"], "integer");
  EXPECT_EQ(schema["properties"]["phi"]["default"].dump(), "[100,256]");
  const auto& object = schema["properties"]["objects"]["additionalProperties"];
  EXPECT_EQ(object["required"].dump(), R"(["field"])");
  EXPECT_FALSE(object["properties"]["field"].contains("default"));
  EXPECT_EQ(schema["properties"]["features"]["additionalProperties"]["additionalProperties"]["type"].dump(),
            R"(["string","number"])");
}

TEST(Reference, HasATableForEverySection) {
  SampleConfig config;
  const std::string page = section_reference(Fields::of(config), "", "");
  for (const char* line : {"| `seed` | integer | `0` |  | physics | Random seed |", "\n## `train`\n\nSteps.\n",
                           "| `lr` | number | `0.001` | > 0, <= 10 | physics | Step size \\| scale |",
                           "| `device` | text | `auto` |  | physics | Where. One of `auto`, `cpu`, `cuda` |",
                           "| `epochs` | integer | `10` | >= 1 epochs | physics | Passes |", "\n## `objects.<name>`\n",
                           "| `field` | text | **required** |  | physics | Dataset |",
                           "| `threads` | integer | `0` | >= 0 | performance |"})
    EXPECT_NE(page.find(line), std::string::npos) << line << "\n" << page;
}

}  // namespace
}  // namespace tev
