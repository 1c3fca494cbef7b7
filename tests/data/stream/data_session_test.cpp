// The data of a run from its configuration: which events each split has.

#include "data/stream/data_session.hpp"
#include "data/write/h5_writer.hpp"
#include "tests/data/test_files.hpp"
#include "tests/support/strict_messages.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace tev {
namespace {

using test::error_of;
using test::kRows;
using test::test_file;

constexpr Split kSplits[] = {Split::train, Split::val, Split::test};

/// dense.h5 under other names: a file may be listed once only.
std::string copy_of_dense(const std::string& name) {
  const std::string path = test_file(name);
  std::filesystem::copy_file(test_file("dense.h5"), path, std::filesystem::copy_options::skip_existing);
  return path;
}

/// Event columns a = 100 * row, b, ..., e of `x`, class by `flag`.
DataConfig dense_config() {
  DataConfig config;
  config.reader = "dense";
  ObjectConfig event;
  event.field = "x";
  event.as = {"a", "b", "c", "d", "e"};
  config.objects = {{"event", event}};
  config.label.field = "flag";
  config.label.classes = {{"other", {}}, {"third", {}}};
  config.features = {{"event", {{"hundredfold", "a"}}}};
  config.standardise = "none";
  return config;
}

/// Two files of kRows events each, cut.
DataConfig cut_config(double train, double val, double test) {
  DataConfig config = dense_config();
  config.files = {copy_of_dense("cut_1.h5"), copy_of_dense("cut_2.h5")};
  config.split.train = train;
  config.split.val = val;
  config.split.test = test;
  return config;
}

/// Sample ids of a whole stream; every event must have the content that belongs to its id.
std::vector<int64_t> read_ids(BatchStream& stream) {
  std::vector<int64_t> ids;
  while (const auto batch = stream.next()) {
    const at::Tensor value = batch->inputs.at("event").values;
    for (int64_t i = 0; i < batch->size(); ++i) {
      ids.push_back(batch->sample_id[i].item<int64_t>());
      const int64_t row = ids.back() % kRows;
      EXPECT_EQ(value[i][0].item<double>(), test::value(row, 0));
      EXPECT_EQ(batch->label[i].item<int64_t>(), row % 3 == 0);
    }
  }
  return ids;
}

std::vector<int64_t> ids_of(DataSession& session, Split split) {
  return read_ids(*session.evaluation_stream(split, 64));
}

std::vector<int64_t> ids_of(const DataConfig& config, uint64_t seed, Split split) {
  test::StrictMessages messages;
  DataSession session(config, seed, messages);
  return ids_of(session, split);
}

std::string opening_error(const DataConfig& config) {
  return error_of<InputError>([&] {
    test::StrictMessages messages;
    DataSession session(config, 1, messages);
    session.num_events(Split::train);
  });
}

TEST(DataSession, CutsOneSetOfFilesIntoSplitsThatShareNothingAndMissNothing) {
  test::StrictMessages messages;
  DataSession session(cut_config(0.8, 0.1, 0.1), 1, messages);
  std::set<int64_t> seen;
  for (const Split split : kSplits)
    for (const int64_t id : ids_of(session, split)) EXPECT_TRUE(seen.insert(id).second) << "sample " << id << " twice";
  ASSERT_EQ(seen.size(), 2 * kRows);
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 2 * kRows - 1);
}

TEST(DataSession, EvaluatesHugeEventsAFewAtATime) {
  DataConfig config;
  config.reader = "dense";
  ObjectConfig cell;
  cell.field = "x";
  cell.as = {"energy"};
  config.objects = {{"cell", cell}};
  config.label.field = "label";
  config.label.classes = {{"even", {}}, {"odd", {}}};
  config.features = {{"cell", {{"energy", "energy"}}}};
  config.standardise = "none";
  config.test = {test_file("huge_events.h5")};
  config.workers = 1;
  config.budget_mib = 96;  // evaluation gets an eighth; an event takes 5 MiB while it is read
  test::StrictMessages messages;
  DataSession session(config, 1, messages);
  session.check_evaluation_fits();
  const auto stream = session.evaluation_stream(Split::test, 3);
  int64_t events = 0;
  while (const auto batch = stream->next()) events += batch->size();
  EXPECT_EQ(events, 40);
  config.budget_mib = 32;
  DataSession small(config, 1, messages);
  const std::string error = error_of<InputError>([&] { small.check_evaluation_fits(); });
  EXPECT_NE(error.find("data.budget_mib: the events of a few chunks of data.test need "), std::string::npos) << error;
  EXPECT_NE(error.find(" of 32 MiB are left to that. Set data.budget_mib="), std::string::npos) << error;
  config.budget_mib = std::stoll(error.substr(error.find("budget_mib=") + 11));
  DataSession enough(config, 1, messages);
  enough.check_evaluation_fits();
  config.budget_mib -= 3;
  DataSession short_of_it(config, 1, messages);
  EXPECT_NE(error_of<InputError>([&] { short_of_it.check_evaluation_fits(); }), "");
}

TEST(DataSession, ShufflesMoreSmallEventsByDefault) {
  const std::string path = test_file("small_events.h5");
  H5Writer writer(path);
  writer.append("x", at::zeros({300'000, 1}));
  writer.append("label", at::zeros({300'000}, at::kLong));
  writer.close();
  DataConfig config = dense_config();
  config.objects[0].second.field = "x";
  config.objects[0].second.as = {"a"};
  config.label.field = "label";
  config.train = {path};
  test::StrictMessages messages;
  EXPECT_EQ(DataSession(config, 1, messages).shuffle().shuffle_rows, 300'000);
  config.shuffle_rows = 1000;
  EXPECT_EQ(DataSession(config, 1, messages).shuffle().shuffle_rows, 1000);
}

TEST(DataSession, TrainsOnTheTrainingSplitAloneEveryEpoch) {
  test::StrictMessages messages;
  DataSession session(cut_config(0.8, 0.1, 0.1), 1, messages);
  const auto expected = ids_of(session, Split::train);
  auto epochs = read_ids(*session.training_stream(session.start_cursor(64), 2));
  ASSERT_EQ(epochs.size(), 2 * expected.size());
  const auto second = epochs.begin() + static_cast<int64_t>(expected.size());
  std::sort(epochs.begin(), second);
  std::sort(second, epochs.end());
  auto sorted = expected;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::vector(epochs.begin(), second), sorted);
  EXPECT_EQ(std::vector(second, epochs.end()), sorted);
}

TEST(DataSession, GivesEachSplitItsShare) {
  const double shares[][3] = {{0.8, 0.1, 0.1}, {0.333, 0.333, 0.334}, {0.5, 0.25, 0.125}, {0.9991, 0.0009, 0}};
  for (const auto& [train, val, test] : shares) {
    test::StrictMessages messages;
    DataSession session(cut_config(train, val, test), 1, messages);
    EXPECT_NEAR(session.num_events(Split::train), train * 2 * kRows, 1);
    EXPECT_NEAR(session.num_events(Split::val), val * 2 * kRows, 1);
    EXPECT_EQ(session.has(Split::test), test > 0);
    if (test > 0) {
      EXPECT_NEAR(session.num_events(Split::test), test * 2 * kRows, 1);
    }
  }
}

TEST(DataSession, TheSeedAloneChoosesTheEventsOfASplit) {
  const DataConfig config = cut_config(0.8, 0.1, 0.1);
  DataConfig otherwise_read = config;
  otherwise_read.workers = 3;
  otherwise_read.budget_mib = 64;
  EXPECT_EQ(ids_of(config, 1, Split::val), ids_of(otherwise_read, 1, Split::val));
  EXPECT_NE(ids_of(config, 1, Split::val), ids_of(config, 2, Split::val));
}

TEST(DataSession, ReadsTheFilesOfEachSplitInTheirOrder) {
  DataConfig config = dense_config();
  config.train = {copy_of_dense("own_train.h5")};
  config.val = {copy_of_dense("own_val_1.h5"), copy_of_dense("own_val_2.h5")};
  config.test = {copy_of_dense("own_test.h5")};
  test::StrictMessages messages;
  DataSession session(config, 1, messages);
  for (const Split split : kSplits) {
    const auto ids = ids_of(session, split);
    ASSERT_EQ(static_cast<int64_t>(ids.size()), (split == Split::val ? 2 : 1) * kRows);
    EXPECT_EQ(static_cast<int64_t>(ids.size()), session.num_events(split));
    for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<int64_t>(i));
  }
}

TEST(DataSession, ANumberBeyondFloat32IsNotCalledInfAlone) {
  DataConfig config = dense_config();
  config.train = {test_file("beyond.h5")};
  config.label.field = "label";
  config.objects[0].second.as = {"a", "b"};
  test::StrictMessages messages;
  const auto error = [&] { return test::file_error<InputError>([&] { DataSession(config, 1, messages).summarise(); }); };
  EXPECT_EQ(error(), "beyond.h5: column 'a' of object 'event' is inf or beyond float32's 3.4e38 in event 7 (inputs must be finite). Correct the file or "
                     "its units, or leave such events out with data.select.");
  config.objects[0].second.field = "ones";
  config.weight.field = "x";
  config.weight.index = 1;
  EXPECT_EQ(error(), "beyond.h5: event 7: data.weight is -inf or beyond float32's -3.4e38 (expected a finite number). Repair the file.");
}

TEST(DataSession, ASampleOfNothingNamesWhatLeftItsEventsOut) {
  DataConfig config = dense_config();
  config.train = {copy_of_dense("own_train.h5")};
  config.label.classes = {{"other", {"5"}}, {"third", {"6"}}};
  config.label.other = "drop";
  config.weight.negative = "drop";  // of training alone
  test::StrictMessages messages;
  EXPECT_EQ(error_of<InputError>([&] { DataSession(config, 1, messages).raw_sample(Split::train, 3); }),
            "data.label.other: 'drop' leaves no event of data.train. Let data.label.classes name values that are there.");
  config.select = "a < 0";
  EXPECT_EQ(error_of<InputError>([&] { DataSession(config, 1, messages).raw_sample(Split::train, 3); }),
            "data.select: 'a < 0' and data.label.other: 'drop' leave no event of data.train. Correct the expression. Let data.label.classes name values that are there.");
}

/// Files of two classes by their names; every event weighs 1.
DataConfig classed_config() {
  DataConfig config = dense_config();
  config.label = {};
  config.label.files = {{"background", {"bkg*.h5"}}, {"signal", {"*sig.h5"}}};
  config.train = {copy_of_dense("bkg_1.h5"), copy_of_dense("own_sig.h5"), copy_of_dense("bkg_2.h5")};
  config.val = {copy_of_dense("val_sig.h5")};
  return config;
}

TEST(DataSession, TheClassOfAFileIsThatOfItsEvents) {
  test::StrictMessages messages;
  DataSession session(classed_config(), 1, messages);
  EXPECT_EQ(session.spec().classes, (std::vector<std::string>{"background", "signal"}));
  const auto stream = session.training_stream(session.start_cursor(64), 1);
  while (const auto batch = stream->next())
    for (int64_t i = 0; i < batch->size(); ++i)
      EXPECT_EQ(batch->label[i].item<int64_t>(), batch->sample_id[i].item<int64_t>() / kRows == 1);
}

TEST(DataSession, ClassesOfFilesArePartOfTheFingerprint) {
  test::StrictMessages messages;
  DataConfig config = classed_config();
  const uint64_t fingerprint = DataSession(config, 1, messages).fingerprint(Split::train);
  config.label.files = {{"background", {"bkg_*.h5"}}, {"signal", {"own_sig.h5", "val_sig.h5"}}};
  EXPECT_EQ(DataSession(config, 1, messages).fingerprint(Split::train), fingerprint);
  config.label.files = {{"background", {"bkg_1.h5"}}, {"signal", {"*sig.h5", "bkg_2.h5"}}};
  EXPECT_NE(DataSession(config, 1, messages).fingerprint(Split::train), fingerprint);
}

TEST(DataSession, TrainingIsWeightedByBinAndEvaluationIsNot) {
  DataConfig config = classed_config();
  config.weight.field = "fraction";  // row / 4
  config.weight.balance = {{"equal", {}}};
  ReweightVariable a;
  a.range = {0, 100.0 * kRows};
  a.bins = 4;
  config.weight.reweight.variables = {{"a", a}};
  test::StrictMessages messages;
  DataSession session(config, 1, messages);
  const TrainingSummary summary = session.summarise().value();
  session.training_weights().set_factors(session.fit_weights(summary.weights).factors);
  std::vector<std::vector<double>> sums(2, std::vector<double>(4));
  const auto stream = session.training_stream(session.start_cursor(64), 1);
  while (const auto batch = stream->next())
    for (int64_t i = 0; i < batch->size(); ++i) {
      const int64_t row = batch->sample_id[i].item<int64_t>() % kRows;
      sums[static_cast<size_t>(batch->label[i].item<int64_t>())][static_cast<size_t>(4 * row / kRows)] += batch->weight[i].item<double>();
    }
  const double all = 3 * kRows * (kRows - 1) / 8.0;
  for (const auto& of_class : sums)
    for (const double sum : of_class) EXPECT_NEAR(sum, all / 8, 1e-6 * all);
  EXPECT_NEAR(summary.mean_weight(), all / (3 * kRows), 1e-9 * all);
  const auto evaluation = session.evaluation_stream(Split::train, 64);
  while (const auto batch = evaluation->next())
    for (int64_t i = 0; i < batch->size(); ++i)
      EXPECT_EQ(batch->weight[i].item<double>(), static_cast<double>(batch->sample_id[i].item<int64_t>() % kRows) / 4);
}

TEST(DataSession, RefusesAConfigurationWithoutFilesOrWithTwoKinds) {
  EXPECT_EQ(opening_error(dense_config()),
            "data.train: no files are given for it. Set data.train, or data.files with data.split.");
  DataConfig both = cut_config(0.8, 0.1, 0.1);
  both.val = {test_file("dense.h5")};
  EXPECT_EQ(opening_error(both),
            "data.files: given together with data.train, data.val or data.test (two ways to say the same). Keep one of them.");
}

TEST(DataSession, RefusesSharesThatAreNone) {
  EXPECT_EQ(opening_error(cut_config(0.8, 0.3, 0.1)),
            "data.split: train 0.8 + val 0.3 + test 0.1 is more than 1 (shares of the same events). Make them smaller.");
  EXPECT_EQ(opening_error(cut_config(1.1, -0.1, 0)),
            "data.split.train: 1.1 is not a share (0 to 1). Give the part of the events.");
  EXPECT_EQ(opening_error(cut_config(0.8, -0.1, 0.1)),
            "data.split.val: -0.1 is not a share (0 to 1). Give the part of the events.");
}

}  // namespace
}  // namespace tev
