// The memory limit is the smallest one of the process's control group and of those around it.

#include "data/stream/memory_limit.hpp"

#include "tests/support/temporary_folder.hpp"

namespace tev {
namespace {

namespace fs = std::filesystem;

struct MemoryLimit : test::FolderTest {
  int64_t limit(const std::string& own_group) {
    test::put_text(folder / "own", own_group);
    return memory_limit_bytes(folder / "groups", folder / "own");
  }
  void set(const std::string& file, const std::string& text) {
    fs::create_directories((folder / "groups" / file).parent_path());
    test::put_text(folder / "groups" / file, text + "\n");
  }
  const int64_t machine = memory_limit_bytes(folder / "none", folder / "none");
};

TEST_F(MemoryLimit, IsTheMachinesWhereNothingIsSaid) {
  EXPECT_GT(machine, 1 << 20);
  EXPECT_EQ(limit("0::/a/b\n"), machine);
  set("a/b/memory.max", "max");
  set("memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(limit("4:memory:/\n0::/a/b\n"), machine);
}

TEST_F(MemoryLimit, LiesAtTheProcesssOwnGroupOrAboveIt) {
  set("slurm/job_1/step_0/memory.max", "5000");
  set("slurm/job_1/memory.max", "4000");
  set("slurm/job_2/memory.max", "100");
  set("slurm/memory.max", "max");
  EXPECT_EQ(limit("0::/slurm/job_1/step_0\n"), 4000);
  set("slurm/job_1/memory.max", "6000");
  EXPECT_EQ(limit("0::/slurm/job_1/step_0\n"), 5000);
  EXPECT_EQ(limit("0::/slurm/job_1/gone/again\n"), 6000);
  set("memory.max", "3000");
  EXPECT_EQ(limit("0::/slurm/job_1/step_0\n"), 3000);
}

TEST_F(MemoryLimit, OfVersion1IsThatOfTheMemoryController) {
  set("memory/slurm/uid_0/memory.limit_in_bytes", "4000");
  set("memory/slurm/uid_0/job_1/memory.limit_in_bytes", "9223372036854771712");
  set("memory/other/memory.limit_in_bytes", "100");
  EXPECT_EQ(limit("3:cpuset:/other\n2:cpu,memory:/slurm/uid_0/job_1\n1:name=systemd:/other\n0::/other\n"), 4000);
  EXPECT_EQ(limit("3:memory_of_others:/other\n"), machine);
}

TEST_F(MemoryLimit, OfAGroupThatIsNotSeenIsThatOfTheTop) {
  set("memory.max", "3000");
  test::put_text(folder / "memory.max", "100");
  fs::create_directories(folder / "groups/a");
  for (const char* path : {"/../..", "/..", "/../a", "/a/../..", "", "a"}) EXPECT_EQ(limit("0::" + std::string(path) + "\n"), 3000) << path;
}

TEST_F(MemoryLimit, OfAGroupWithAColonInItsName) {
  set("machine:1/memory.max", "4000");
  EXPECT_EQ(limit("0::/machine:1\n"), 4000);
}

}  // namespace
}  // namespace tev
