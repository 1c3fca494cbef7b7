#include "engine/record/run_directory.hpp"

#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace tev {
namespace {

using namespace test;  // the checks and the folder of tests/support

namespace fs = std::filesystem;

using RunDirectoryTest = FolderTest;

/// A child process that holds the lease of a run until it is killed.
class OtherProcess {
 public:
  explicit OtherProcess(const fs::path& root) {
    int ready[2];
    if (::pipe(ready) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      const RunDirectory run(root);
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~OtherProcess() { collect(); }

  pid_t pid() const { return pid_; }
  void kill() { ::kill(pid_, SIGKILL); }
  void wait_until_dead() const {
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);  // leaves a zombie
  }
  void collect() {
    if (pid_ > 0) kill(), ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(RunDirectoryTest, IsNamedAfterTheConfiguration) {
  EXPECT_EQ(default_run_directory("configs/top/pfn.yaml"), "runs/pfn");
}

TEST_F(RunDirectoryTest, IsMadeWithItsFoldersAndRemembersItsState) {
  const fs::path root = folder / "runs" / "pfn";
  EXPECT_EQ(run_state(root), RunState::absent);
  {
    RunDirectory run(root);
    EXPECT_EQ(run_state(root), RunState::started);
    EXPECT_TRUE(fs::is_directory(run.paths().checkpoints()));
    run.write_config("seed: 1\n");
    run.set_state(RunState::stopped, 12);
  }
  EXPECT_EQ(run_state(root), RunState::stopped);
  EXPECT_EQ(text_of(root / "config.yaml"), "seed: 1\n");
  RunDirectory(root).set_state(RunState::finished, 20);
  EXPECT_EQ(run_state(root), RunState::finished);
  EXPECT_EQ(text_of(root / "status.json"), "{\"state\":\"finished\",\"step\":20}\n");
  EXPECT_FALSE(fs::exists(root / "lease"));
}

TEST_F(RunDirectoryTest, CannotBeMadeWhereNothingCanBeWritten) {
  put_text(folder / "file", "x");
  EXPECT_EQ(error_of<InputError>([&] { RunDirectory(folder / "file" / "run"); }),
            (folder / "file" / "run").string() +
                ": cannot be made (Not a directory). Choose another run directory with --run DIR.");
  EXPECT_EQ(error_of<InputError>([&] { RunDirectory(folder / "file"); }),
            (folder / "file").string() + ": is a file, not a run directory. Choose another with --run DIR.");
  EXPECT_NE(error_of<InputError>([&] { RunDirectory("/proc/no_run"); }).find("/proc/no_run: cannot be made ("),
            std::string::npos);
}

TEST_F(RunDirectoryTest, RefusesAFolderOfOtherThings) {
  put_text(folder / "thesis.tex", "x");
  const std::string expected =
      folder.string() +
      ": is a folder that holds other things (thesis.tex) and no run (status.json is missing). "
      "Choose another with --run DIR.";
  EXPECT_EQ(error_of<InputError>([&] { RunDirectory{folder}; }), expected);
  EXPECT_EQ(error_of<InputError>([&] { run_state(folder); }), expected);
  EXPECT_EQ(error_of<InputError>([&] { move_run_aside(folder); }), expected);
  EXPECT_TRUE(fs::exists(folder / "thesis.tex"));
}

TEST_F(RunDirectoryTest, SaysWhenItsStateIsDamaged) {
  put_text(folder / "status.json", "{\"sta");
  EXPECT_NE(error_of<InputError>([&] { run_state(folder); }).find("status.json: is damaged"), std::string::npos);
}

TEST_F(RunDirectoryTest, IsMovedToTheFirstFreeName) {
  const fs::path root = folder / "pfn";
  EXPECT_EQ(move_run_aside(root), std::nullopt);
  for (const char* name : {"pfn.old-1", "pfn.old-2"}) {
    { RunDirectory run(root); }
    EXPECT_EQ(move_run_aside(root / ""), folder / name);
    EXPECT_TRUE(fs::exists(folder / name / "status.json"));
    EXPECT_FALSE(fs::exists(root));
  }
}

TEST_F(RunDirectoryTest, HasOneWriterAtATime) {
  const fs::path root = folder / "pfn";
  OtherProcess other(root);
  const std::string error = error_of<InputError>([&] { RunDirectory{root}; });
  EXPECT_NE(error.find(root.string() + ": is being written by process " + std::to_string(other.pid()) + " on host "),
            std::string::npos)
      << error;
  EXPECT_NE(error_of<InputError>([&] { move_run_aside(root); }).find("is being written by process"), std::string::npos);
  EXPECT_TRUE(fs::exists(root));
}

TEST_F(RunDirectoryTest, TakesOverAfterAKill) {
  const fs::path root = folder / "pfn";
  OtherProcess other(root);
  other.kill();
  other.wait_until_dead();
  EXPECT_TRUE(fs::exists(root / "lease"));
  { RunDirectory run(root); }  // the killed process has not even been collected by its parent
  EXPECT_FALSE(fs::exists(root / "lease"));
  EXPECT_EQ(run_state(root), RunState::started);
}

TEST_F(RunDirectoryTest, TellsAnotherProcessWithTheSameNumberFromTheOldOne) {
  const fs::path root = folder / "pfn";
  { RunDirectory run(root); }
  std::string lease;
  {
    RunDirectory run(root);
    lease = text_of(root / "lease");
  }
  const size_t start = lease.find("\"start\":\"") + 9;
  put_text(root / "lease", lease.substr(0, start) + "1" + lease.substr(start));
  EXPECT_EQ(error_of<InputError>([&] { RunDirectory{root}; }), "");
  put_text(root / "lease", lease);  // this very process: alive
  EXPECT_NE(error_of<InputError>([&] { RunDirectory{root}; }), "");
  put_text(root / "lease", lease.substr(0, 5));  // cut short by a kill
  EXPECT_EQ(error_of<InputError>([&] { RunDirectory{root}; }), "");
}

TEST_F(RunDirectoryTest, LeavesTheLeaseOfAnotherHostAlone) {
  const fs::path root = folder / "pfn";
  { RunDirectory run(root); }
  put_text(root / "lease", R"({"host":"far-away","boot":"b","process":1,"start":"1"})");
  const std::string error = error_of<InputError>([&] { RunDirectory{root}; });
  EXPECT_NE(error.find("process 1 on host far-away. Wait for it"), std::string::npos) << error;
  EXPECT_TRUE(fs::exists(root / "lease"));
}

}  // namespace
}  // namespace tev
