// A process that saves all the time is killed at random instants.

#include "base/check.hpp"
#include "engine/checkpoint/checkpoint.hpp"
#include "tests/support/strict_messages.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

namespace tev {
namespace {

namespace fs = std::filesystem;

constexpr int64_t num_values = 20'000;

CheckpointData data_of(int64_t step) {
  const at::Tensor values = at::full({num_values}, step, at::kLong);
  return {step, {{"model", {{"w", values}}}, {"optimizer", {{"m", values.neg()}}}}, {{"step", step}}};
}

/// In the killed process a warning ends it with a code that the test sees.
class FailingMessages final : public Messages {
 public:
  void info(const std::string&) override {}
  void warning(const std::string&) override { _exit(2); }
  void progress(const std::string&, int64_t, int64_t, const std::string&) override {}
};

/// Continues from the newest checkpoint and reports each finished save; never returns.
[[noreturn]] void save_for_ever(const fs::path& directory, int report) {
  FailingMessages messages;
  CheckpointStore store(directory, messages);
  const auto latest = store.load_latest();
  for (int64_t step = latest ? latest->step + 1 : 1;; ++step) {
    store.save(data_of(step), 2, step % 5 == 0);
    if (write(report, &step, sizeof step) != sizeof step) _exit(1);
  }
}

using CheckpointKillTest = test::FolderTest;

TEST_F(CheckpointKillTest, AfterAnyKillTheNewestCheckpointIsCompleteAndNoneThatWasReportedIsLost) {
  const fs::path directory = folder / "checkpoints";
  std::mt19937 random(7);
  int inside_a_save = 0;
  int64_t reported = 0;
  for (int round = 0; round < 50; ++round) {
    int report[2];
    ASSERT_EQ(pipe(report), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_for_ever(directory, report[1]);
    close(report[1]);
    // Wait until the child works, then let it work for up to about one save more.
    const auto start = std::chrono::steady_clock::now();
    int64_t step = 0;
    ASSERT_EQ(read(report[0], &step, sizeof step), ssize_t{sizeof step}) << "the child stopped by itself";
    const std::chrono::duration<double, std::micro> save_time = std::chrono::steady_clock::now() - start;
    const double patience = std::uniform_real_distribution(0.0, 1.2)(random);
    usleep(static_cast<useconds_t>(std::min(50'000.0, save_time.count()) * patience));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the process ended by itself with " << WEXITSTATUS(status);
    do reported = step;
    while (read(report[0], &step, sizeof step) == sizeof step);
    close(report[0]);

    for (const auto& entry : fs::directory_iterator(directory)) inside_a_save += entry.path().extension() == ".tmp";
    test::StrictMessages messages;
    CheckpointStore store(directory, messages);
    const auto latest = store.load_latest();
    ASSERT_TRUE(latest.has_value());
    EXPECT_GE(latest->step, reported);
    EXPECT_LE(latest->step, reported + 1);
    EXPECT_TRUE(fs::exists(directory / ("step-" + std::to_string(latest->step)))) << "a damaged one was set aside";
    EXPECT_EQ(latest->state.at("step"), latest->step);
    EXPECT_TRUE(at::equal(latest->parts.at("model")[0].second, at::full({num_values}, latest->step, at::kLong)));
    if (latest->step >= 5) {
      EXPECT_EQ(store.load_best().step, latest->step / 5 * 5);
    }
    for (const auto& entry : fs::directory_iterator(directory))
      EXPECT_FALSE(entry.path().string().ends_with(".tmp") || entry.path().string().ends_with(".damaged"))
          << entry.path();
  }
  EXPECT_GT(inside_a_save, 0) << "no kill hit a save: the test proves nothing";
}

}  // namespace
}  // namespace tev
