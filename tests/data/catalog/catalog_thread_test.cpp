#include "data/catalog/catalog_thread.hpp"

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

TEST(CatalogThread, SeveralCallersReadTheSameAsOne) {
  CatalogThread thread;
  const auto catalog = Catalog::open("dense", {test::test_file("many_units.h5"), test::test_file("many_units.h5")},
                                     {test::request("x")}, thread);
  const auto num_units = static_cast<int64_t>(catalog->units().size());
  std::vector<at::Tensor> expected;
  for (int64_t unit = 0; unit < num_units; ++unit)
    expected.push_back(thread.run([&] { return catalog->read(unit); })[0]);
  std::atomic<int> equal{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&, c] {
      for (int64_t i = 0; i < num_units; ++i) {
        const int64_t unit = (i * 7 + c * 3) % num_units;
        equal += at::equal(thread.submit([&catalog, unit] { return catalog->read(unit); }).get()[0], expected[unit]);
      }
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(equal, 4 * num_units);
}

}  // namespace
}  // namespace tev
