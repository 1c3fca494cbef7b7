#include "data/hdf5/catalog_thread.hpp"

#include "data/catalog/catalog.hpp"
#include "tests/data/test_files.hpp"

#include <ATen/ops/equal.h>

#include <atomic>

namespace tev {
namespace {

TEST(CatalogThread, DoesAllJobsOnOneThreadInOrder) {
  CatalogThread thread;
  const auto id = thread.run([] { return std::this_thread::get_id(); });
  EXPECT_NE(id, std::this_thread::get_id());
  std::vector<std::future<int>> answers;
  int calls = 0;
  for (int i = 0; i < 100; ++i)
    answers.push_back(thread.submit([&calls, id] {
      EXPECT_EQ(std::this_thread::get_id(), id);
      return calls++;
    }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(answers[i].get(), i);
}

TEST(CatalogThread, ExceptionsTravelAndTheThreadGoesOn) {
  CatalogThread thread;
  auto failing = thread.submit([]() -> int { throw InputError("jets.h5: broken"); });
  EXPECT_THROW(failing.get(), InputError);
  EXPECT_EQ(thread.run([] { return 3; }), 3);
}

TEST(CatalogThread, RunWithinAJobDoesNotWaitForItself) {
  CatalogThread thread;
  EXPECT_EQ(thread.run([&] { return thread.run([] { return 7; }); }), 7);
}

TEST(CatalogThread, FinishesWhatIsQueuedBeforeItEnds) {
  std::atomic<int> done{0};
  {
    CatalogThread thread;
    for (int i = 0; i < 50; ++i) thread.submit([&done] { ++done; });
  }
  EXPECT_EQ(done, 50);
}

}  // namespace
}  // namespace tev
