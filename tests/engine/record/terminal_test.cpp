#include "engine/record/terminal.hpp"

#include "engine/record/progress_line.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <regex>
#include <thread>

namespace tev {
namespace {

/// A terminal or a log in memory, with a clock that the test moves.
struct Screen {
  explicit Screen(bool live) : messages({&stream, live, [] { return 60; }, [this] { return now; }, 10}) {}

  /// What was written, without the times of day.
  std::string text() const { return std::regex_replace(stream.str(), std::regex("\\[\\d\\d:\\d\\d:\\d\\d\\] "), ""); }

  std::ostringstream stream;
  double now = 100;
  TerminalMessages messages;
};

TEST(Terminal, WritesMessagesWithTheTimeOfDay) {
  Screen log(false);
  log.messages.info("reads 3 files");
  log.messages.warning("few events");
  EXPECT_TRUE(std::regex_match(
      log.stream.str(), std::regex("\\[\\d\\d:\\d\\d:\\d\\d\\] reads 3 files\n\\[.{8}\\] warning: few events\n")))
      << log.stream.str();
}

TEST(Terminal, WritesOneLineAnIntervalToALog) {
  Screen log(false);
  for (int second = 0; second < 25; ++second, log.now += 1) {
    log.messages.progress("train", second * 400, 10000, "jets");
    log.messages.progress_detail("loss 0.3");
  }
  log.messages.progress("train", 10000, 10000, "jets");
  EXPECT_EQ(log.text(),
            "train: 40% (4,000 of 10,000 jets), 400 jets/s, ETA 0:15, loss 0.3\n"
            "train: 80% (8,000 of 10,000 jets), 400 jets/s, ETA 0:05, loss 0.3\n"
            "train: 10,000 jets in 25.0 s (400 jets/s), loss 0.3\n");
}

TEST(Terminal, RedrawsABarInPlaceAndPutsMessagesAboveIt) {
  Screen terminal(true);
  terminal.messages.progress("train", 0, 100, "jets");
  terminal.now += 0.05;
  terminal.messages.progress("train", 1, 100, "jets");  // too soon to be seen
  terminal.now += 0.95;
  terminal.messages.progress("train", 50, 100, "jets");
  terminal.messages.info("hello");
  terminal.now += 1;
  terminal.messages.progress("train", 100, 100, "jets");
  EXPECT_EQ(terminal.text(),
            "\rtrain [--------------------]   0%\x1b[K"
            "\rtrain [##########----------]  50%  50 jets/s  ETA 0:01\x1b[K"
            "\r\x1b[Khello\n"
            "\rtrain [##########----------]  50%  50 jets/s  ETA 0:01\x1b[K"
            "\r\x1b[Ktrain: 100 jets in 2.0 s (50 jets/s)\n");
}

TEST(Terminal, LeavesNoLineForAShortStageAndEndsOneOfUnknownLengthWhenAnotherBegins) {
  Screen log(false);
  log.messages.progress("open", 1, 1, "files");
  log.messages.progress("fit", 0, 0, "rows");
  log.now += 2;
  log.messages.progress("fit", 10, 0, "rows");
  log.messages.progress("train", 0, 10, "jets");
  EXPECT_EQ(log.text(), "fit: 10 rows in 2.0 s (5 rows/s)\n");
}

TEST(Terminal, GoesOnWithAStageAfterOneInsideOfItAndLeavesItsTimeOut) {
  Screen log(false);
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int second = 0; second < 12; ++second, log.now += 1) log.messages.progress("train", 1200 * epoch + second * 100, 3600, "jets");
    log.messages.progress("validation", 0, 100, "jets");
    log.now += 5;
    log.messages.progress("validation", 100, 100, "jets");
  }
  log.messages.progress("train", 2400, 3600, "jets");
  log.messages.end_progress("train");
  log.messages.progress("test", 0, 10, "jets");
  log.now += 1;
  log.messages.progress("test", 10, 10, "jets");
  EXPECT_EQ(log.text(),
            "train: 27% (1,000 of 3,600 jets), 100 jets/s, ETA 0:26\n"
            "validation: 100 jets in 5.0 s (20 jets/s)\n"
            "train: 47% (1,700 of 3,600 jets), 100 jets/s, ETA 0:19\n"
            "validation: 100 jets in 5.0 s (20 jets/s)\n"
            "train: 2,400 jets in 24.0 s (100 jets/s)\n"
            "test: 10 jets in 1.0 s (10 jets/s)\n");
}

TEST(Terminal, TakesMessagesFromSeveralThreads) {
  Screen terminal(true);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        terminal.messages.progress("train", i, 1000, "jets");
        terminal.messages.info("line");
      }
    });
  for (auto& thread : threads) thread.join();
  const std::string text = terminal.text();
  size_t lines = 0;
  for (size_t at = text.find("line\n"); at != std::string::npos; at = text.find("line\n", at + 1)) ++lines;
  EXPECT_EQ(lines, 800u);
}

using TerminalFileTest = test::FolderTest;

TEST_F(TerminalFileTest, WritesTheSameLinesToAFileButNoBar) {
  Screen terminal(true);
  terminal.messages.also_write_to(folder / "log.txt");
  terminal.messages.progress("train", 0, 100, "jets");
  terminal.now += 11;
  terminal.messages.progress("train", 11, 100, "jets");
  terminal.messages.warning("careful");
  const std::string text = test::text_of(folder / "log.txt");
  EXPECT_NE(text.find("] train: 11% (11 of 100 jets), 1 jets/s, ETA 1:29\n"), std::string::npos) << text;
  EXPECT_NE(text.find("] warning: careful\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(test::error_of<InputError>([&] { terminal.messages.also_write_to(folder / "log.txt" / "x"); }), "");
}

TEST(ProgressLine, IsCutToTheWidthOfTheTerminal) {
  ProgressStage stage("train", "jets", 0, 100, 0);
  stage.set_detail("loss 0.3412, data wait 3%");
  stage.update(50, 100, 5);
  EXPECT_EQ(stage.bar_text(200), "train [##########----------]  50%  10 jets/s  ETA 0:05  loss 0.3412, data wait 3%");
  EXPECT_EQ(stage.bar_text(20), "train [##########--");
}

TEST(ProgressLine, TakesTheRateOfTheLastSecondsAlone) {
  ProgressStage stage("train", "jets", 1000, 100000, 0);  // continued: the first thousand came before
  double now = 0;
  int64_t done = 1000;
  for (; now < 20; now += 0.1) stage.update(done += 1, 100000, now);
  for (; now < 40; now += 0.1) stage.update(done += 100, 100000, now);
  const std::string text = stage.log_text();
  EXPECT_TRUE(text.find(", 1,000 jets/s,") != std::string::npos || text.find(", 999 jets/s,") != std::string::npos)
      << text;
}

TEST(ProgressLine, WritesNumbersAndTimesForPeople) {
  EXPECT_EQ(group_digits(0), "0");
  EXPECT_EQ(group_digits(999), "999");
  EXPECT_EQ(group_digits(1000), "1,000");
  EXPECT_EQ(group_digits(-123456), "-123,456");
  EXPECT_EQ(group_digits(12345678), "12,345,678");
  EXPECT_EQ(duration_text(5), "0:05");
  EXPECT_EQ(duration_text(725), "12:05");
  EXPECT_EQ(duration_text(11045), "3:04:05");
  EXPECT_EQ(training_detail(0.34123, 0.031), "loss 0.3412, data wait 3%");
}

}  // namespace
}  // namespace tev
