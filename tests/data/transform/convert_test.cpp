#include "data/transform/convert.hpp"

#include "base/check.hpp"
#include "tests/support/error_of.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>

namespace tev {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float inf = std::numeric_limits<float>::infinity();

at::Tensor events(const std::vector<float>& values, int64_t width) {
  return at::tensor(values, at::kFloat).view({-1, width});
}

const RawObject part{"part", true, {"E", "px"}, "E > 0"};
const RawObject event{"event", false, {"met", "njet"}};

std::string convert_error(const Converter& convert, const std::map<std::string, FieldValues>& values) {
  return test::error_of<InputError>([&] { convert(values, "jets.h5", 100); });
}

TEST(Convert, InvalidRowsAreDroppedWhereverTheyStand) {
  const Converter convert({part}, "");
  // Three events of three rows: a prefix is valid, holes, nothing.
  const auto block =
      convert({{"part", events({1, 10, 2, 20, 0, 30, 0, 40, 3, 50, 4, 60, 0, 70, 0, 80, 0, 90}, 6)}}, "f", 0);
  EXPECT_TRUE(at::equal(block.raw.at("part").values, events({1, 10, 2, 20, 3, 50, 4, 60}, 2)));
  EXPECT_TRUE(at::equal(block.raw.at("part").offsets, at::tensor({0, 2, 4, 4}, at::kLong)));
  EXPECT_FALSE(block.selected.defined());
}

TEST(Convert, SaysWhichRowsOfTheLabelledObjectItKeeps) {
  const FieldValues rows(events({1, 10, 0, 20, 3, 30, 4, 40, 0, 50}, 2), at::tensor({0, 2, 2, 5}, at::kLong));
  const FieldValues met(events({5, 1, 50, 2, 500, 3}, 2));
  const auto kept = [&](const RawObject& object, const std::string& select, const std::string& labelled) {
    return Converter({object, event}, select, labelled)({{"part", rows}, {"event", met}}, "f", 0).kept;
  };
  EXPECT_TRUE(at::equal(kept(part, "", "part"), at::tensor({0, 2, 3}, at::kLong)));
  EXPECT_TRUE(at::equal(kept(part, "met > 100", "part"), at::tensor({2, 3}, at::kLong)));
  EXPECT_TRUE(at::equal(kept({"part", true, {"E", "px"}}, "met < 100", "part"), at::tensor({0, 1}, at::kLong)));
  EXPECT_FALSE(kept({"part", true, {"E", "px"}}, "", "part").defined());  // all of them
  EXPECT_FALSE(kept(part, "", "").defined());
}

TEST(Convert, RandomRowsEqualANaiveLoop) {
  const Converter convert({{"part", true, {"E", "px", "py"}, "(E > 0.3) & (px < 0.9)"}}, "");
  const at::Tensor values = at::rand({50, 30});
  const auto block = convert({{"part", values}}, "f", 0);
  std::vector<float> expected;
  std::vector<int64_t> offsets = {0};
  const auto v = values.accessor<float, 2>();
  for (int64_t i = 0; i < 50; ++i) {
    for (int64_t row = 0; row < 10; ++row)
      if (v[i][3 * row] > 0.3f && v[i][3 * row + 1] < 0.9f)
        for (int64_t k = 0; k < 3; ++k) expected.push_back(v[i][3 * row + k]);
    offsets.push_back(static_cast<int64_t>(expected.size()) / 3);
  }
  EXPECT_TRUE(at::equal(block.raw.at("part").values, events(expected, 3)));
  EXPECT_TRUE(at::equal(block.raw.at("part").offsets, at::tensor(offsets, at::kLong)));
}

TEST(Convert, EverythingIsKeptWithoutACondition) {
  const Converter convert({{"part", true, {"E", "px"}}}, "");
  const at::Tensor values = at::rand({4, 6});
  const auto block = convert({{"part", values}}, "f", 0);
  EXPECT_TRUE(at::equal(block.raw.at("part").values, values.view({12, 2})));
  EXPECT_TRUE(at::equal(block.raw.at("part").offsets, at::tensor({0, 3, 6, 9, 12}, at::kLong)));
}

TEST(Convert, StridedRowsAndOtherTypesAreRead) {
  const Converter convert({part}, "");
  const at::Tensor table = at::rand({5, 9}).sub(0.3);
  const auto strided = convert({{"part", table.narrow(1, 1, 6)}}, "f", 0);
  const auto packed = convert({{"part", table.narrow(1, 1, 6).contiguous()}}, "f", 0);
  const auto doubles = convert({{"part", table.narrow(1, 1, 6).to(at::kDouble)}}, "f", 0);
  for (const auto* other : {&packed, &doubles}) {
    EXPECT_TRUE(at::equal(strided.raw.at("part").values, other->raw.at("part").values));
    EXPECT_TRUE(at::equal(strided.raw.at("part").offsets, other->raw.at("part").offsets));
  }
}

TEST(Convert, NoEventsGiveNoRows) {
  const Converter convert({event, part}, "met > 1");
  const auto block = convert({{"event", at::zeros({0, 2})}, {"part", at::zeros({0, 6})}}, "f", 0);
  EXPECT_EQ(block.raw.at("part").values.sizes(), at::IntArrayRef({0, 2}));
  EXPECT_TRUE(at::equal(block.raw.at("part").offsets, at::tensor({0}, at::kLong)));
  EXPECT_EQ(block.raw.at("event").values.sizes(), at::IntArrayRef({0, 2}));
}

TEST(Convert, EventsThatAreNotSelectedAreLeftOutAndNotChecked) {
  const Converter convert({part, event}, "met > 1");
  const auto block =
      convert({{"part", events({1, nan, 2, 3, 4, 5}, 2)}, {"event", events({1, inf, 2, 0, 3, 0}, 2)}}, "f", 0);
  EXPECT_TRUE(at::equal(block.selected, at::tensor({1, 2}, at::kLong)));
  EXPECT_TRUE(at::equal(block.raw.at("part").values, events({2, 3, 4, 5}, 2)));
  EXPECT_TRUE(at::equal(block.raw.at("part").offsets, at::tensor({0, 1, 2}, at::kLong)));
  EXPECT_TRUE(at::equal(block.raw.at("event").values, events({2, 0, 3, 0}, 2)));
}

TEST(Convert, AValueThatIsNotFiniteNamesColumnObjectAndEvent) {
  const Converter convert({part, event}, "");
  const at::Tensor good = events({1, 1, 1, 1}, 2), many = events({1, 1, 0, nan, 1, 1, 1, inf}, 4);
  EXPECT_EQ(convert_error(convert, {{"part", many}, {"event", good}}),
            "jets.h5: column 'px' of object 'part' is inf or beyond float32's 3.4e38 in event 101 (inputs must be finite). Correct the file or its units, or "
            "drop such rows "
            "with data.objects.part.valid.");
  EXPECT_EQ(convert_error(convert, {{"part", many.narrow(0, 0, 1)}, {"event", good.narrow(0, 0, 1)}}), "");
  EXPECT_EQ(convert_error(convert, {{"part", good}, {"event", events({1, 1, nan, 1}, 2)}}),
            "jets.h5: column 'met' of object 'event' is nan in event 101 (inputs must be finite). Correct the file, or "
            "leave such "
            "events out with data.select.");
}

TEST(Convert, ABadValueIsFoundAtEveryPosition) {
  const Converter convert({{"part", true, {"a", "b", "c"}}}, "");
  for (int64_t position = 0; position < 60; ++position) {
    at::Tensor values = at::rand({2, 30});
    values.view({-1}).fill_(1.f)[position] = -inf;
    const std::string column(1, "abc"[position % 3]), at_event = std::to_string(100 + position / 30);
    const std::string expected = "jets.h5: column '" + column + "' of object 'part' is -inf or beyond float32's -3.4e38 in event " + at_event + " (";
    EXPECT_EQ(convert_error(convert, {{"part", values}}).rfind(expected, 0), 0u) << position;
  }
}

TEST(Convert, AWidthThatDoesNotFitNamesBothNumbers) {
  EXPECT_EQ(convert_error(Converter({part}, ""), {{"part", at::zeros({1, 7})}}),
            "data.objects.part.as: 2 columns (E, px) for 7 values an event in jets.h5 (expected a multiple of the "
            "number of columns). "
            "Correct `as` or `take`.");
  EXPECT_EQ(convert_error(Converter({event}, ""), {{"event", at::zeros({1, 4})}}),
            "data.objects.event.as: 2 columns (met, njet) for 4 values an event in jets.h5 (the event has one row). "
            "Correct `as` or "
            "`take`.");
}

}  // namespace
}  // namespace tev
