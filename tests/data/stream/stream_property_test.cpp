// The stream over units of any sizes, lanes, windows, batches and ranks; and over very many.

#include "data/order/shuffle_plan.hpp"
#include "data/stream/batch_stream.hpp"
#include "tests/data/stream/counting_loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace tev {
namespace {

using test::CountingLoader;
using Ids = std::vector<int64_t>;

Ids ids_of(const Batch& batch) {
  const auto* ids = batch.sample_id.const_data_ptr<int64_t>();
  return {ids, ids + batch.size()};
}

/// Sample ids of every batch that is left; values that do not belong to them fail the test.
std::vector<Ids> read(CountingLoader& loader, UnitStore& store, const StreamSpec& spec) {
  BatchStream stream(store, loader, spec);
  std::vector<Ids> batches;
  while (const auto batch = stream.next()) {
    batches.push_back(ids_of(*batch));
    const Column& part = batch->inputs.at("part");
    const auto* offsets = part.offsets.const_data_ptr<int64_t>();
    for (size_t i = 0; i < batches.back().size(); ++i) {
      const int64_t id = batches.back()[i];
      EXPECT_EQ(offsets[i + 1] - offsets[i], id % 5);
      for (int64_t row = offsets[i]; row < offsets[i + 1]; ++row)
        EXPECT_EQ(part.values.const_data_ptr<float>()[2 * row], static_cast<float>(id));
    }
  }
  return batches;
}

/// Units, an order of them, and how it is read.
struct Case {
  std::vector<int64_t> unit_rows;
  StreamSpec spec;
  int64_t threads = 1;

  int64_t num_events() const { return std::accumulate(unit_rows.begin(), unit_rows.end(), int64_t{0}); }
  int64_t num_steps() const { return (num_events() + spec.order.batch_size - 1) / spec.order.batch_size; }
  std::string text() const {
    return c10::str("units [", c10::Join(", ", unit_rows), "], seed ", spec.order.seed, ", lanes ", spec.order.lanes, ", window_rows ",
                    spec.order.window_rows, ", batch_size ", spec.order.batch_size, ", threads ", threads, ", prefetch ", spec.prefetch);
  }
};

Case draw(std::mt19937_64& random) {
  const auto between = [&](int64_t first, int64_t last) { return first + static_cast<int64_t>(random() % static_cast<uint64_t>(last - first + 1)); };
  Case drawn;
  const int64_t most_rows = between(1, 12);
  drawn.unit_rows.resize(static_cast<size_t>(between(1, 30)));
  for (auto& rows : drawn.unit_rows) rows = between(0, most_rows);
  drawn.unit_rows.front() += drawn.num_events() == 0;
  drawn.spec.order = {random(), std::make_shared<const std::vector<int64_t>>(drawn.unit_rows), int64_t{1} << between(0, 6), between(1, 20), between(1, 40)};
  drawn.spec.end_epoch = 2;
  drawn.spec.prefetch = between(1, 6);
  drawn.threads = between(1, 3);
  return drawn;
}

void expect_every_event_once_an_epoch(const Case& drawn, const std::vector<Ids>& batches) {
  const int64_t steps = drawn.num_steps();
  ASSERT_EQ(static_cast<int64_t>(batches.size()), 2 * steps);
  Ids all(static_cast<size_t>(drawn.num_events()));
  std::iota(all.begin(), all.end(), 0);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    Ids seen;
    for (int64_t t = epoch * steps; t < (epoch + 1) * steps; ++t) seen.insert(seen.end(), batches[t].begin(), batches[t].end());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, all) << "epoch " << epoch;
  }
}

void expect_ranks_share(const Case& drawn, CountingLoader& loader, UnitStore& store, const std::vector<Ids>& whole, int64_t world) {
  std::vector<Ids> joined(whole.size());
  for (int64_t rank = 0; rank < world; ++rank) {
    SCOPED_TRACE(c10::str("rank ", rank, " of ", world));
    StreamSpec spec = drawn.spec;
    spec.shard = {rank, world};
    const auto part = read(loader, store, spec);
    ASSERT_EQ(part.size(), whole.size());
    for (size_t t = 0; t < part.size(); ++t) joined[t].insert(joined[t].end(), part[t].begin(), part[t].end());
  }
  for (size_t t = 0; t < whole.size(); ++t) {
    Ids expected = whole[t];
    std::sort(expected.begin(), expected.end());
    std::sort(joined[t].begin(), joined[t].end());
    EXPECT_EQ(joined[t], expected) << "step " << t << ", " << world << " ranks";
  }
}

TEST(StreamProperties, HoldForUnitsLanesWindowsBatchesAndRanksOfAnySize) {
  for (uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    std::mt19937_64 random(seed);
    Case drawn = draw(random);
    SCOPED_TRACE(c10::str("seed ", seed, ": ", drawn.text()));
    CountingLoader loader(drawn.unit_rows, drawn.threads);
    UnitStore store(1 << 24);
    const auto whole = read(loader, store, drawn.spec);
    expect_every_event_once_an_epoch(drawn, whole);
    for (int64_t world = 2; world <= std::min<int64_t>(8, drawn.spec.order.lanes); world *= 2)
      expect_ranks_share(drawn, loader, store, whole, world);
    for (int64_t step = 0; step < static_cast<int64_t>(whole.size()); step += 1 + static_cast<int64_t>(random() % 7)) {
      drawn.spec.first_epoch = step / drawn.num_steps();
      drawn.spec.first_step = step % drawn.num_steps();
      EXPECT_EQ(read(loader, store, drawn.spec), std::vector(whole.begin() + step, whole.end())) << "from step " << step;
    }
  }
}

TEST(StreamProperties, AnyStepOfAHundredMillionEventsIsReachedThroughOneWindow) {
  constexpr int64_t kUnits = 625'000, kRows = 160, kBatch = 500;
  const auto unit_rows = std::make_shared<const std::vector<int64_t>>(kUnits, kRows);
  const ShuffleSpec plan = plan_shuffle(*unit_rows, 262144);
  ASSERT_EQ(plan.num_rows, 100'000'000);
  CountingLoader loader(*unit_rows, 2);
  const int64_t window_units = plan.lanes * (plan.window_rows / kRows + 2);  // a lane begins and ends within a unit
  StreamSpec spec;
  spec.order = {5, unit_rows, plan.lanes, plan.window_rows, kBatch};
  for (const auto& [epoch, step] : std::vector<std::pair<int64_t, int64_t>>{{0, 0}, {0, 1}, {3, 123'456}, {7, 199'999}}) {
    UnitStore store(window_units * loader.reserve_bytes(0));
    spec.first_epoch = epoch;
    spec.end_epoch = epoch + 1;
    spec.first_step = step;
    const int64_t before = loader.loads;
    Ids first;
    {
      BatchStream stream(store, loader, spec);
      first = ids_of(stream.next().value());
    }
    EXPECT_LE(loader.loads - before, 2 * window_units) << "step " << step;  // the second one may have begun
    const EpochOrder order(spec.order, epoch);
    ASSERT_EQ(static_cast<int64_t>(first.size()), kBatch);
    for (int64_t i = 0; i < kBatch; ++i) {
      const Placement place = order.at(step * kBatch + i);
      EXPECT_EQ(first[static_cast<size_t>(i)], place.unit * kRows + place.row) << "epoch " << epoch << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace tev
