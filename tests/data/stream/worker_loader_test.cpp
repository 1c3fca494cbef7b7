#include "data/stream/worker_loader.hpp"

#include <gtest/gtest.h>

#include <future>

namespace tev {
namespace {

/// Notes what is expected and what is loaded.
class NotingLoader final : public WorkerLoader {
 public:
  using WorkerLoader::WorkerLoader;
  int64_t reserve_bytes(int64_t) const override { return 0; }

  std::vector<int64_t> expected() const {
    const std::lock_guard lock(mutex_);
    return expected_;
  }
  /// Loads nothing before this.
  void open_gate() { gate_.set_value(); }

 private:
  void expect(int64_t unit) const override {
    const std::lock_guard lock(mutex_);
    expected_.push_back(unit);
  }
  DecodedUnit load_here(int64_t) const override {
    opened_.wait();
    return {};
  }

  mutable std::mutex mutex_;
  mutable std::vector<int64_t> expected_;
  std::promise<void> gate_;
  std::shared_future<void> opened_{gate_.get_future()};
};

TEST(WorkerLoader, ExpectsAFewUnitsThatLieApart) {
  constexpr auto ahead = static_cast<int64_t>(WorkerLoader::kUnitsAhead);
  WorkerPool pool(1);
  NotingLoader loader(pool);
  std::promise<void> all;
  std::atomic<int64_t> left = 40;
  for (int64_t i = 0; i < 40; ++i)  // 0, 1, 10, 11, 20, ...
    loader.load(i / 2 * 10 + i % 2, [&](const auto&, const auto&) {
      if (--left == 0) all.set_value();
    });
  EXPECT_LE(loader.expected().size(), static_cast<size_t>(ahead / 2 + 1)) << "no more than kUnitsAhead of those that wait, half of which follow others";
  EXPECT_GE(loader.expected().size(), static_cast<size_t>(ahead / 2));
  loader.open_gate();
  all.get_future().wait();
  std::vector<int64_t> apart;
  for (int64_t i = 0; i < 20; ++i) apart.push_back(10 * i);
  EXPECT_EQ(loader.expected(), apart);
}

TEST(WorkerLoader, ExpectsEveryUnitThatLiesApartForAnyNumberOfWorkers) {
  WorkerPool pool(16);
  NotingLoader loader(pool);
  loader.open_gate();
  constexpr int64_t units = 20000;
  std::promise<void> all;
  std::atomic<int64_t> left = units;
  for (int64_t i = 0; i < units; ++i)
    loader.load(2 * i, [&](const auto&, const auto&) {
      if (--left == 0) all.set_value();
    });
  all.get_future().wait();
  EXPECT_EQ(loader.expected().size(), static_cast<size_t>(units));
}

}  // namespace
}  // namespace tev
