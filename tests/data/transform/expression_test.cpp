// Texts of the errors that a mistake in an expression gives: a mistake is shown, never a crash.

#include "base/check.hpp"
#include "data/transform/convert.hpp"
#include "data/transform/preprocess.hpp"
#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

using test::error_of;

const std::vector<RawObject> objects = {
    {"event", false, {"met"}}, {"part", true, {"E", "px", "py", "pz"}}, {"muon", true, {"px", "charge"}}};

std::string part_error(const std::string& expression) {
  return error_of<InputError>([&] {
    Preprocess(objects, {{"event", {{"jet_px", "event_sum(E)"}}}, {"part", {{"f", expression}}}});
  });
}

std::string event_error(const std::string& expression) {
  return error_of<InputError>([&] { Preprocess(objects, {{"part", {{"log_E", "log(E)"}}}, {"event", {{"f", expression}}}}); });
}

std::string valid_error(const std::string& expression) {
  return error_of<InputError>([&] { Converter({{"part", true, {"E", "px"}, expression}}, ""); });
}

TEST(ExpressionErrors, AnUnknownNameIsNamedWithTheNearest) {
  EXPECT_EQ(part_error("log(pxx)"),
            "data.features.part.f: unknown name 'pxx' (known: E, px, py, pz, met, jet_px, atan2, "
            "sigmoid, pt, eta, phi, rapidity, ... (54 in all)). Did you mean 'px'?");
}

TEST(ExpressionErrors, AnUnknownFunctionIsNamedWithTheNearest) {
  const std::string error = part_error("lgo(px)");
  EXPECT_EQ(error.rfind("data.features.part.f: unknown function 'lgo' (known: atan2, sigmoid, pt, ", 0), 0u) << error;
  EXPECT_NE(error.find(" Did you mean 'log'?"), std::string::npos) << error;
}

TEST(ExpressionErrors, SyntaxIsUnderlinedByTorchScript) {
  EXPECT_EQ(part_error("px py"),
            "data.features.part.f: expected an operator or the end of the expression.\n"
            "    px py\n"
            "       ~~ <--- HERE");
  EXPECT_EQ(part_error("log(px"), "data.features.part.f: expected ) but found 'eof' here.\n    log(px");
  EXPECT_EQ(part_error(" "),
            "data.features.part.f: empty (a TorchScript expression is needed, e.g. log(E)). Write one.");
}

TEST(ExpressionErrors, WrongArgumentsAreUnderlined) {
  EXPECT_EQ(
      part_error("px + mass(E, px, py)"),
      "data.features.part.f: mass(Tensor E, Tensor px, Tensor py, Tensor pz) -> Tensor: Argument pz not provided.\n"
      "    px + mass(E, px, py)\n"
      "         ~~~~ <--- HERE");
  EXPECT_EQ(part_error("maximum(1.0, px)"),
            "data.features.part.f: no form of this operation takes these arguments (columns come "
            "first, numbers after them).\n"
            "    maximum(1.0, px)\n"
            "    ~~~~~~~ <--- HERE");
}

TEST(ExpressionErrors, TheExpressionThatIsWrongIsNamedAmongSeveral) {
  const std::string error = error_of<InputError>([] {
    Preprocess(objects, {{"part", {{"a", "log(E)"}, {"b", "px.foo()"}, {"c", "log(E)"}}}});
  });
  EXPECT_EQ(error,
            "data.features.part.b: 'Tensor' object has no attribute or method 'foo'.\n"
            "    px.foo()\n"
            "    ~~~~~~ <--- HERE");
}

TEST(ExpressionErrors, AFeatureMustBeOneValuePerRow) {
  EXPECT_EQ(part_error("1.0"),
            "data.features.part.f: gives one plain 'float' (a column is needed, one value for each row). Join "
            "conditions with & and |, and call functions on columns.\n    1.0\n    ~~~ <--- HERE");
  EXPECT_EQ(part_error("torch.sum(px)"),
            "data.features.part.f: torch.sum(px) has shape [] for 5 rows (a feature is one value for "
            "each). Use elementwise functions, or event_sum and the like.");
  EXPECT_EQ(part_error("px if E > 0 else py"),
            "data.features.part.f: Boolean value of Tensor with more than one value is ambiguous.\n"
            "    px if E > 0 else py\n"
            "          ~~~~~ <--- HERE");
}

TEST(ExpressionErrors, AFeatureMustNotDependOnTheRestOfTheBatch) {
  for (const std::string expression : {"px / torch.max(px)", "px + torch.rand_like(px)"})
    EXPECT_EQ(part_error(expression),
              "data.features.part.f: " + expression +
                  " gives an event other values when it stands alone "
                  "(a feature must not depend on the rest of the batch). Use elementwise functions, or "
                  "event_sum and the like.");
}

TEST(ExpressionErrors, ChainedComparisonsAreRefused) {
  EXPECT_EQ(part_error("1 < px < 2"),
            "data.features.part.f: '1 < px < 2' chains comparisons (TorchScript would compare true or "
            "false with a number). Write (a < b) & (b < c), with the parentheses.");
}

TEST(ExpressionErrors, ARaggedColumnCannotStandBareInAnEventExpression) {
  EXPECT_EQ(event_error("E + met"),
            "data.features.event.f: 'E' is a column of the ragged object 'part' (an event has many of it). "
            "Reduce it: event_sum(E), event_mean, event_max, event_min or event_count.");
  EXPECT_EQ(event_error("event_sum(met)"),
            "data.features.event.f: event_sum(met) names no column of a ragged object (columns: E, "
            "px, py, pz, charge).");
  EXPECT_EQ(event_error("event_sum(E, px)"),
            "data.features.event.f: event_sum(E, px): event_sum takes one argument (a value for "
            "every row; the events are filled in).");
}

TEST(ExpressionErrors, AnAmbiguousReductionNamesTheObjects) {
  EXPECT_EQ(event_error("event_sum(px)"),
            "data.features.event.f: event_sum(px) is ambiguous (the objects part, muon all have such "
            "columns). Rename those of one of them with data.objects.<name>.as.");
  EXPECT_EQ(event_error("event_sum(px * charge)"), "");
}

TEST(ExpressionErrors, ColumnsOfAnotherObjectAndLaterFeaturesAreExplained) {
  EXPECT_EQ(part_error("px * charge"),
            "data.features.part.f: 'charge' is a column of the object 'muon', not of 'part' (their rows "
            "do not match). Reduce it in a feature of `event`, e.g. event_sum(charge).");
  EXPECT_EQ(part_error("f + 1"),
            "data.features.part.f: the feature 'f' is used before it is defined (only earlier ones are "
            "visible). Move it up.");
  EXPECT_EQ(event_error("event_sum(log_E)"),
            "data.features.event.f: event_sum(log_E) names no column of a ragged object (columns: "
            "E, px, py, pz, charge).");
}

TEST(ExpressionErrors, AFunctionIsNoColumnAndAColumnNoFunction) {
  EXPECT_EQ(part_error("log"),
            "data.features.part.f: 'log' is a function (columns: E, px, py, pz, met, jet_px). Call it, as in "
            "log(...).");
  EXPECT_EQ(part_error("px(3)"),
            "data.features.part.f: 'px' is a column and cannot be called (a function stands before "
            "parentheses). Put an operator between.");
}

TEST(ExpressionErrors, FeaturesOfAnUnknownObjectAndNoFeatures) {
  EXPECT_EQ(error_of<InputError>([] {
              Preprocess(objects, {{"prat", {{"f", "E"}}}});
            }),
            "data.features.prat: no object has this name (objects: event, part, muon). Did you mean 'part'?");
  EXPECT_EQ(error_of<InputError>([] { Preprocess(objects, {}); }).rfind("data.features: no feature ", 0), 0u);
  EXPECT_EQ(error_of<InputError>([] {
              Preprocess(objects, {{"part", {{"log E", "E"}}}});
            }),
            "data.features.part: 'log E' is not a name (letters, digits and '_', as in an expression). Rename it.");
  EXPECT_EQ(error_of<InputError>([] {
              Preprocess(objects, {{"part", {{"E", "E"}}}}, {"part.e"});
            }),
            "data.raw_features: 'part.e' is not a feature (known: part.E). Did you mean 'part.E'?");
}

TEST(ExpressionErrors, AConditionMustBeTrueOrFalseForEachRow) {
  EXPECT_EQ(valid_error("E"),
            "data.objects.part.valid: E is not true or false for each row (it gives Float of shape [2, 3] for 2 x "
            "3 rows). Compare, as in E > 0, and join conditions with & and |.");
  EXPECT_EQ(valid_error("Ee > 0"),
            "data.objects.part.valid: unknown name 'Ee' (known: E, px, atan2, sigmoid, pt, eta, phi, "
            "rapidity, mass, delta_phi, delta_r, event_count, ... (50 in all)). Did you mean 'E'?");
  EXPECT_EQ(valid_error("event_sum(E) > 0"),
            "data.objects.part.valid: event_sum(E) cannot stand here (the condition is applied "
            "before rows are grouped into events). Use the columns of the row itself.");
  EXPECT_EQ(valid_error("(E > 0) & (px < 1)"), "");
}

TEST(ExpressionErrors, ASelectionNeedsEventColumns) {
  EXPECT_EQ(error_of<InputError>([] {
              Converter({{"part", true, {"E"}}}, "met > 1");
            }),
            "data.select: 'met > 1' needs columns of the object 'event' (none is read). Add data.objects.event.");
}

}  // namespace
}  // namespace tev
