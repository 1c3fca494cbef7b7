#include "engine/checkpoint/checkpoint.hpp"

#include "base/check.hpp"
#include "engine/checkpoint/durable_file.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>
#include <sys/resource.h>

namespace tev {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::put_text;
using test::text_of;

/// Keeps the warnings, so that a test can expect them.
class RecordedMessages final : public Messages {
 public:
  void info(const std::string&) override {}
  void warning(const std::string& text) override { warnings.push_back(text); }
  void progress(const std::string&, int64_t, int64_t, const std::string&) override {}
  std::vector<std::string> warnings;
};

CheckpointData data_of(int64_t step, int64_t size = 64) {
  const auto value = static_cast<double>(step);
  return {step,
          {{"model", {{"w", at::full({size}, value, at::kFloat)}, {"b", at::full({}, value, at::kFloat)}}},
           {"optimizer", {{"exp_avg/w", at::full({size}, -value, at::kFloat)}}},
           {"preprocess", {}}},
          {{"step", step}, {"best_loss", 1.0 / 3}, {"name", "pfn"}}};
}

class CheckpointTest : public test::FolderTest {
 protected:
  void TearDown() override { EXPECT_EQ(messages.warnings, std::vector<std::string>{}); }
  CheckpointStore open(StoreAccess access = StoreAccess::write) { return {directory(), messages, access}; }
  fs::path directory() const { return folder / "run" / "checkpoints"; }
  std::string take_warning() {
    if (messages.warnings.size() != 1) return std::to_string(messages.warnings.size()) + " warnings";
    const std::string warning = messages.warnings.front();
    messages.warnings.clear();
    return warning;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  RecordedMessages messages;
};

void expect_equal(const CheckpointData& got, const CheckpointData& expected) {
  EXPECT_EQ(got.step, expected.step);
  EXPECT_EQ(got.state, expected.state);
  ASSERT_EQ(got.parts.size(), expected.parts.size());
  for (const auto& [part, tensors] : expected.parts) {
    ASSERT_EQ(got.parts.at(part).size(), tensors.size()) << part;
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ(got.parts.at(part)[i].first, tensors[i].first);
      EXPECT_TRUE(at::equal(got.parts.at(part)[i].second, tensors[i].second)) << tensors[i].first;
    }
  }
}

TEST_F(CheckpointTest, AFreshRunHasNone) {
  CheckpointStore store = open();
  EXPECT_FALSE(store.load_latest().has_value());
  EXPECT_FALSE(store.best_step().has_value());
  EXPECT_TRUE(store.steps().empty());
  EXPECT_FALSE(fs::exists(directory()));
  EXPECT_NE(error_of<Error>([&] { store.load_best(); }).find("there is no checkpoint yet"), std::string::npos);
}

TEST_F(CheckpointTest, WhatIsSavedComesBackInAnotherProgram) {
  open().save(data_of(7), 2, false);
  expect_equal(*open().load_latest(), data_of(7));
  EXPECT_EQ(text_of(directory() / "latest"), "step-7\n");
}

TEST_F(CheckpointTest, StepsAreOrderedByNumberNotByText) {
  CheckpointStore store = open();
  for (const int64_t step : {9, 10, 100}) store.save(data_of(step), 5, false);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{100, 10, 9}));
  EXPECT_EQ(store.load_latest()->step, 100);
}

TEST_F(CheckpointTest, TheLastNAndTheirBestOnesStay) {
  CheckpointStore store = open();
  store.save(data_of(1), 2, true);
  for (const int64_t step : {2, 3, 4}) store.save(data_of(step), 2, false);
  EXPECT_EQ(names(), (std::vector<std::string>{"best", "latest", "step-1", "step-3", "step-4"}));
  EXPECT_EQ(text_of(directory() / "best"), "step-1\n");
  EXPECT_EQ(store.best_step(), 1);
  expect_equal(open().load_best(), data_of(1));
  store.save(data_of(5), 2, true);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{5, 4, 1})) << "after a fall-back to 4 its best one must be there";
  store.save(data_of(6), 2, false);
  EXPECT_EQ(store.steps(), (std::vector<int64_t>{6, 5}));
  EXPECT_EQ(store.best_step(), 5);
}

TEST_F(CheckpointTest, KeepingOneNeverDeletesTheNewest) {
  CheckpointStore store = open();
  for (const int64_t step : {1, 2}) store.save(data_of(step), 1, false);
  EXPECT_EQ(store.steps(), std::vector<int64_t>{2});
  EXPECT_NE(error_of<Error>([&] { store.save(data_of(3), 0, false); }).find("0 to keep"), std::string::npos);
}

TEST_F(CheckpointTest, ARunThatWentBackKeepsWhatItSavesAndDropsTheAbandonedFuture) {
  CheckpointStore store = open();
  store.save(data_of(5), 1, false);
  store.save(data_of(3), 1, false);
  EXPECT_EQ(store.steps(), std::vector<int64_t>{3});
}

TEST_F(CheckpointTest, AnyDamagedFileMakesItFallBackAndSayWhichOne) {
  for (const std::string file : {"model.safetensors", "optimizer.safetensors", "preprocess.safetensors", "state.json",
                                 "manifest.json"}) {
    for (const std::string damage : {"flipped", "truncated", "missing"}) {
      SCOPED_TRACE(file + " " + damage);
      fs::remove_all(directory());
      CheckpointStore store = open();
      store.save(data_of(10), 3, true);
      store.save(data_of(20), 3, false);
      const fs::path path = directory() / "step-20" / file;
      std::string text = text_of(path);
      if (damage == "flipped") text[text.size() / 2] ^= 1;
      if (damage == "truncated") text.resize(text.size() - 2);
      put_text(path, text);
      if (damage == "missing") fs::remove(path);
      CheckpointStore next = open();
      expect_equal(*next.load_latest(), data_of(10));
      const std::string warning = take_warning();
      EXPECT_NE(warning.find("step 10 is used instead of step 20"), std::string::npos) << warning;
      EXPECT_NE(warning.find(path.string()), std::string::npos) << warning;
      EXPECT_EQ(next.steps(), std::vector<int64_t>{10});
      EXPECT_TRUE(fs::exists(directory() / "step-20.damaged"));
      next.save(data_of(20), 3, true);
      expect_equal(*open().load_latest(), data_of(20));
    }
  }
}

TEST_F(CheckpointTest, TheNewestStandsInForADamagedBestOne) {
  CheckpointStore store = open();
  expect_equal((store.save(data_of(10), 1, false), open().load_best()), data_of(10));
  store.save(data_of(20), 1, true);
  store.save(data_of(30), 1, false);
  const fs::path path = directory() / "step-20" / "model.safetensors";
  std::string text = text_of(path);
  text.back() ^= 1;
  put_text(path, text);
  for (const StoreAccess access : {StoreAccess::read, StoreAccess::write}) {
    expect_equal(open(access).load_best(), data_of(30));
    const std::string warning = take_warning();
    EXPECT_NE(warning.find("step 30 is used instead of the best one. " + path.string()), std::string::npos) << warning;
  }
}

TEST_F(CheckpointTest, TheBestOneBeforeStandsInForADamagedOneThatIsTheNewestToo) {
  CheckpointStore store = open();
  store.save(data_of(4), 2, true);
  store.save(data_of(8), 2, false);
  store.save(data_of(9), 2, true);
  fs::remove(directory() / "step-9" / "model.safetensors");
  expect_equal(open(StoreAccess::read).load_best(), data_of(4));
  ASSERT_EQ(messages.warnings.size(), 2u);
  EXPECT_NE(messages.warnings[0].find("step 8 is used instead of step 9"), std::string::npos) << messages.warnings[0];
  EXPECT_NE(messages.warnings[1].find("step 4 is used instead of the best one"), std::string::npos) << messages.warnings[1];
  messages.warnings.clear();
}

TEST_F(CheckpointTest, AMissingBestOneIsNotPassedOverInSilence) {
  CheckpointStore store = open();
  store.save(data_of(1), 2, true);
  store.save(data_of(2), 2, false);
  fs::remove_all(directory() / "step-1");
  expect_equal(open(StoreAccess::read).load_best(), data_of(2));
  EXPECT_NE(take_warning().find("step 2 is used instead of the best one. " + (directory() / "step-1").string()), std::string::npos);
}

TEST_F(CheckpointTest, WhenNoneCanBeReadAllAreNamed) {
  CheckpointStore store = open();
  for (const int64_t step : {1, 2}) store.save(data_of(step), 2, false);
  for (const char* step : {"step-1", "step-2"}) put_text(directory() / step / "state.json", "{}");
  const std::string message = error_of<Error>([&] { open().load_latest(); });
  EXPECT_NE(message.find("none of the 2 checkpoints can be read"), std::string::npos) << message;
  for (const char* step : {"step-1", "step-2"})
    EXPECT_NE(message.find((directory() / step / "state.json").string() + ": 2 bytes ("), std::string::npos) << message;
  EXPECT_EQ(store.steps().size(), 2u) << "nothing is renamed when nothing can replace it";
}

TEST_F(CheckpointTest, AFormatOfTheFutureIsNotTakenForDamage) {
  CheckpointStore store = open();
  for (const int64_t step : {1, 2}) store.save(data_of(step), 2, false);
  const fs::path path = directory() / "step-2" / "manifest.json";
  auto manifest = nlohmann::json::parse(text_of(path));
  manifest["version"] = 99;
  manifest.erase("manifest_xxh3_128");
  manifest["manifest_xxh3_128"] = stamp_of(manifest.dump()).hash;
  put_text(path, manifest.dump());
  const std::string message = error_of<InputError>([&] { store.load_latest(); });
  EXPECT_EQ(message, path.string() + ": checkpoint format 99 (this program reads 2). Use the program that wrote it.");
  EXPECT_EQ(store.steps().size(), 2u);
}

TEST_F(CheckpointTest, OpeningForWritingRemovesWhatAKilledSaveLeft) {
  open().save(data_of(1), 2, false);
  fs::create_directory(directory() / "step-2.tmp");
  put_text(directory() / "latest.tmp", "st");
  { CheckpointStore reader = open(StoreAccess::read); }
  EXPECT_TRUE(fs::exists(directory() / "step-2.tmp")) << "somebody may be writing it";
  CheckpointStore writer = open();
  EXPECT_EQ(names(), (std::vector<std::string>{"latest", "step-1"}));
  EXPECT_EQ(writer.load_latest()->step, 1);
}

TEST_F(CheckpointTest, SavingAStepAgainReplacesItAndSurvivesAKillInBetween) {
  CheckpointStore store = open();
  store.save(data_of(3), 1, false);
  CheckpointData other = data_of(3);
  other.state["name"] = "again";
  store.save(other, 1, false);
  EXPECT_EQ(names(), (std::vector<std::string>{"latest", "step-3"}));
  expect_equal(*store.load_latest(), other);
  fs::rename(directory() / "step-3", directory() / "step-3.replaced");
  fs::create_directory(directory() / "step-3.tmp");
  expect_equal(*open().load_latest(), other);
}

TEST_F(CheckpointTest, AReaderChangesNothing) {
  CheckpointStore store = open();
  for (const int64_t step : {1, 2}) store.save(data_of(step), 2, false);
  put_text(directory() / "step-2" / "state.json", "{}");
  const auto before = names();
  CheckpointStore reader = open(StoreAccess::read);
  EXPECT_EQ(reader.load_latest()->step, 1);
  EXPECT_NE(take_warning().find("state.json"), std::string::npos);
  EXPECT_EQ(names(), before);
  EXPECT_NE(error_of<Error>([&] { reader.save(data_of(3), 1, false); }).find("for reading only"), std::string::npos);
}

TEST_F(CheckpointTest, NamesAreRebuiltFromTheManifest) {
  CheckpointStore store = open();
  store.save(data_of(1), 2, false);
  store.save(data_of(2), 2, true);
  fs::remove(directory() / "best");
  put_text(directory() / "latest", "step-1\n");
  CheckpointStore next = open();
  EXPECT_EQ(next.load_latest()->step, 2);
  EXPECT_EQ(text_of(directory() / "best"), "step-2\n");
  EXPECT_EQ(text_of(directory() / "latest"), "step-2\n");
  expect_equal(next.load_best(), data_of(2));
}

TEST_F(CheckpointTest, ASaveThatCannotBeWrittenLeavesTheEarlierOnesAndNothingElse) {
  CheckpointStore store = open();
  store.save(data_of(1), 2, true);
  const auto before = names();
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = old;
  small.rlim_cur = 1 << 16;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = error_of<Error>([&] { store.save(data_of(2, 1 << 20), 2, true); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message,
            (directory() / "step-2.tmp" / "model.safetensors").string() +
                ": writing failed (File too large). The checkpoint of step 2 was not written; earlier ones are "
                "intact.");
  EXPECT_EQ(names(), before);
  EXPECT_EQ(store.best_step(), 1);
  expect_equal(*store.load_latest(), data_of(1));
  store.save(data_of(3), 2, false);
  EXPECT_EQ(store.load_latest()->step, 3);
}

TEST_F(CheckpointTest, AFolderThatCannotBeMadeIsNamed) {
  put_text(folder / "run", "a file in the way");
  const std::string message = error_of<Error>([&] { open().save(data_of(1), 1, false); });
  EXPECT_TRUE(message.starts_with(directory().string() + ": ")) << message;
  EXPECT_NE(message.find("Not a directory"), std::string::npos) << message;
}

TEST_F(CheckpointTest, NumbersThatJsonCannotHoldAreRefusedByName) {
  CheckpointStore store = open();
  CheckpointData data = data_of(1);
  data.state["metrics"] = {{"auc", {0.5, std::numeric_limits<double>::quiet_NaN()}}};
  const std::string message = error_of<Error>([&] { store.save(data, 1, false); });
  EXPECT_NE(message.find("/metrics/auc/1: a number is not finite"), std::string::npos) << message;
  EXPECT_TRUE(store.steps().empty());
}

TEST_F(CheckpointTest, DoublesInTheStateComeBackBitForBit) {
  CheckpointData data = data_of(1);
  data.state["numbers"] = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, int64_t{9007199254740993}};
  open().save(data, 1, false);
  const auto numbers = open().load_latest()->state["numbers"];
  for (size_t i = 0; i < 5; ++i) {
    const double got = numbers[i], expected = data.state["numbers"][i];
    EXPECT_EQ(std::signbit(got), std::signbit(expected));
    EXPECT_EQ(got, expected);
  }
  EXPECT_EQ(numbers[5].get<int64_t>(), 9007199254740993);
}

}  // namespace
}  // namespace tev
