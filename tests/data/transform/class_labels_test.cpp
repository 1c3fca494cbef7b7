#include "data/transform/class_labels.hpp"

#include "tests/support/error_of.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace tev {
namespace {

using Kind = ClassLabels::Kind;
constexpr int64_t kNone = ClassLabels::kNone, kSeveral = ClassLabels::kSeveral;

LabelConfig config_of(NamedLists classes, bool one_hot = false) {
  LabelConfig config;
  config.field = "jets";
  config.classes = std::move(classes);
  config.one_hot = one_hot;
  return config;
}

at::Tensor rows(const std::vector<int64_t>& values, int64_t width) { return at::tensor(values, at::kLong).view({-1, width}); }

/// Fixed-length text as it is read.
at::Tensor texts(const std::vector<std::string>& values, int64_t width) {
  std::vector<int64_t> bytes;
  for (std::string text : values) {
    text.resize(static_cast<size_t>(width));
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  return rows(bytes, width);
}

void expect_classes(const ClassLabels& labels, const at::Tensor& values, const std::vector<int64_t>& expected) {
  EXPECT_TRUE(at::equal(labels.classes(values), at::tensor(expected, at::kLong))) << labels.classes(values);
}

std::string error(const LabelConfig& config) {
  return test::error_of<InputError>([&] { ClassLabels labels(config); });
}

TEST(ClassLabels, AListOfNamesCounts) {
  const ClassLabels labels(config_of({{"QCD", {}}, {"top", {}}}));
  expect_classes(labels, rows({0, 1, 2, -1}, 1), {0, 1, kNone, kNone});
  EXPECT_EQ(labels.problem(rows({0, 7}, 1), 1), "data.label is 7 (expected 0 to 1 for the classes QCD, top). Correct data.label or list all classes.");
}

TEST(ClassLabels, AMapNamesTheValuesOfEachClass) {
  const ClassLabels labels(config_of({{"b", {"5"}}, {"c", {"4"}}, {"light", {"0", "1", "-3", "21"}}}));
  EXPECT_EQ(labels.kind(), Kind::integers);
  expect_classes(labels, rows({5, 4, 0, 21, -3, 15, 3}, 1), {0, 1, 2, 2, 2, kNone, kNone});
  EXPECT_EQ(labels.problem(rows({15}, 1), 0), "data.label is 15 (expected 5, 4, 0, 1, -3, 21 for the classes b, c, light). Correct data.label or list "
                                              "all classes; data.label.other=drop leaves events of no class out.");
}

TEST(ClassLabels, TextIsComparedWithoutItsFilling) {
  const ClassLabels labels(config_of({{"signal", {"sig", "SIG"}}, {"background", {"bkg"}}}));
  EXPECT_EQ(labels.kind(), Kind::text);
  for (const int64_t width : {3, 4, 9}) expect_classes(labels, texts({"sig", "bkg", "SIG", "si", ""}, width), {0, 1, 0, kNone, kNone});
  expect_classes(labels, texts({"sig  ", "bkgs"}, 5), {0, kNone});
  EXPECT_EQ(labels.problem(texts({"data"}, 6), 0).substr(0, 60), "data.label is 'data' (expected sig, SIG, bkg for the classes");
}

TEST(ClassLabels, AOneHotLabelHasColumnsByPositionOrName) {
  const ClassLabels listed(config_of({{"a", {}}, {"b", {}}, {"c", {}}}, true));
  EXPECT_EQ(listed.num_columns(), 3);
  expect_classes(listed, rows({0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 2, 0}, 3), {1, 0, kNone, kSeveral, kSeveral});
  EXPECT_EQ(listed.problem(rows({1, 0, 1}, 3), 0).substr(0, 64), "data.label is 1 0 1 (expected one 1 and else 0 for the classes a");

  const ClassLabels placed(config_of({{"top", {"2", "3"}}, {"QCD", {"0"}}}, true));
  EXPECT_EQ(placed.num_columns(), 4);
  EXPECT_TRUE(placed.column_names().empty());
  expect_classes(placed, rows({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 4), {1, kNone, 0, 0});

  const ClassLabels named(config_of({{"QCD", {"label_QCD"}}, {"top", {"label_Tbqq", "label_Tbl"}}}, true));
  EXPECT_EQ(named.column_names(), (std::vector<std::string>{"label_QCD", "label_Tbqq", "label_Tbl"}));
  expect_classes(named, rows({0, 0, 1, 1, 0, 0}, 3), {1, 0});
}

TEST(ClassLabels, RefusesWhatSaysNoClass) {
  EXPECT_EQ(error(config_of({{"top", {}}})),
            "data.label.classes: 1 class (top; at least two were expected). List every class in the order of the label.");
  EXPECT_EQ(error(config_of({{"top", {}}, {"top", {}}})), "data.label.classes: a name is given twice (top, top).");
  EXPECT_EQ(error(config_of({{"b", {"5"}}, {"c", {}}})), "data.label.classes.c: no value (the others have some). Add it.");
  EXPECT_EQ(error(config_of({{"b", {"5"}}, {"c", {"4", "5"}}})),
            "data.label.classes: the value 5 is given twice (an event has one class). Keep it in one place.");
  EXPECT_EQ(error(config_of({{"b", {"5"}}, {"c", {"charm"}}})),
            "data.label.classes: 5, charm are integers and text (values of one kind were expected). Write all as the file has them.");
  EXPECT_EQ(error(config_of({{"b", {"-1"}}, {"c", {"0"}}}, true)),
            "data.label.classes.b: -1 is no position of a column (0, 1, ... counted from data.label.index). Correct it.");
  LabelConfig nothing = config_of({{"a", {}}, {"b", {}}});
  nothing.field.clear();
  EXPECT_EQ(error(nothing), "data.label.field: missing (what holds the class of an event; or data.label.files, where the files say it). Add it.");
  LabelConfig both = config_of({});
  both.files = {{"a", {"a*.h5"}}, {"b", {"b*.h5"}}};
  EXPECT_EQ(error(both), "data.label.files: given together with data.label.field 'jets' (two ways to say the class). Keep one of them.");
  both.field.clear();
  EXPECT_EQ(error(both), "");
  both.classes = {{"a", {}}};
  EXPECT_EQ(error(both), "data.label.classes: given together with data.label.files, which names the classes. Keep one of them.");
  LabelConfig rows = config_of({{"a", {}}, {"b", {}}});
  rows.object = "event";
  EXPECT_EQ(error(rows), "data.label.object: 'event' (an event has one class where no object is named). Leave the key out.");
  rows.object = "voxel";
  EXPECT_EQ(error(rows), "");
  rows.other = "drop";
  EXPECT_EQ(error(rows), "data.label.other: 'drop' with the rows of 'voxel' (events of no class can be left out of their batches, rows cannot). Drop the rows by data.objects.voxel.valid.");
  rows.other = "error";
  rows.field.clear();
  EXPECT_EQ(error(rows), "data.label.column: missing (which of the values of 'voxel' is the class of a row?). Add it, or data.label.field.");
  rows.column = "semantic";
  EXPECT_EQ(error(rows), "");
  rows.one_hot = true;
  EXPECT_EQ(error(rows), "data.label.one_hot: given for the rows of 'voxel' (their class was expected as one number). Leave it out.");
  rows.one_hot = false;
  rows.files = both.files;
  EXPECT_EQ(error(rows), "data.label.files: given together with data.label.object 'voxel' (the class of a file is that of its events, not of their rows). Keep one of them.");
  both.classes = {};
  both.files[1].second.clear();
  EXPECT_EQ(error(both), "data.label.files: the class 'b' has no pattern (which files are of it?). Write b: b*.h5.");
}

}  // namespace
}  // namespace tev
