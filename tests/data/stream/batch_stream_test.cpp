// The stream over units made in memory: order, budget, prefetch, failures.

#include "data/stream/batch_stream.hpp"

#include "tests/data/stream/counting_loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tev {
namespace {

using test::CountingLoader;

StreamSpec spec_of(const std::vector<int64_t>& unit_rows, int64_t lanes, int64_t window_rows, int64_t batch_size) {
  StreamSpec spec;
  spec.order = OrderSpec{7, std::make_shared<const std::vector<int64_t>>(unit_rows), lanes, window_rows, batch_size};
  return spec;
}

std::vector<int64_t> ids_of(const Batch& batch) {
  return {batch.sample_id.const_data_ptr<int64_t>(), batch.sample_id.const_data_ptr<int64_t>() + batch.size()};
}

std::vector<std::vector<int64_t>> read_all(UnitStore& store, UnitLoader& loader, const StreamSpec& spec) {
  BatchStream stream(store, loader, spec);
  std::vector<std::vector<int64_t>> batches;
  while (const auto batch = stream.next()) batches.push_back(ids_of(*batch));
  return batches;
}

const std::vector<int64_t> ragged_units{100, 37, 0, 64, 100, 3, 100, 91};
constexpr int64_t num_events = 495;

TEST(BatchStream, delivers_every_event_once_an_epoch_with_its_own_content) {
  CountingLoader loader(ragged_units, 2);
  UnitStore store(1 << 20);
  auto spec = spec_of(ragged_units, 4, 30, 50);
  spec.end_epoch = 2;
  BatchStream stream(store, loader, spec);
  std::vector<int64_t> ids;
  while (const auto batch = stream.next()) {
    const auto batch_ids = ids_of(*batch);
    ids.insert(ids.end(), batch_ids.begin(), batch_ids.end());
    const auto* offsets = batch->inputs.at("part").offsets.const_data_ptr<int64_t>();
    const at::Tensor part = batch->inputs.at("part").values;
    const at::Tensor event = batch->inputs.at("event").values;
    ASSERT_EQ(part.size(0), offsets[batch->size()]);
    for (size_t i = 0; i < batch_ids.size(); ++i) {
      EXPECT_EQ(batch->label[i].item<int64_t>(), batch_ids[i]);
      EXPECT_EQ(event[i][0].item<float>(), 2.0F * batch_ids[i]);
      ASSERT_EQ(offsets[i + 1] - offsets[i], batch_ids[i] % 5);
      for (int64_t row = offsets[i]; row < offsets[i + 1]; ++row) EXPECT_EQ(part[row][1].item<float>(), batch_ids[i]);
    }
  }
  ASSERT_EQ(ids.size(), 2 * num_events);
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<int64_t> seen(ids.begin() + epoch * num_events, ids.begin() + (epoch + 1) * num_events);
    std::sort(seen.begin(), seen.end());
    for (int64_t i = 0; i < num_events; ++i) ASSERT_EQ(seen[i], i);
  }
}

TEST(BatchStream, content_does_not_depend_on_budget_threads_or_prefetch) {
  const auto spec = spec_of(ragged_units, 4, 30, 50);
  CountingLoader one(ragged_units, 1), three(ragged_units, 3);
  UnitStore small(140 * 1024), large(16 << 20);
  auto eager = spec;
  eager.prefetch = 16;
  EXPECT_EQ(read_all(small, one, spec), read_all(large, three, eager));
}

TEST(BatchStream, continues_at_any_step) {
  auto spec = spec_of(ragged_units, 4, 30, 50);
  spec.end_epoch = 2;
  CountingLoader loader(ragged_units, 2);
  UnitStore store(1 << 20);
  const auto all = read_all(store, loader, spec);
  ASSERT_EQ(all.size(), 20);
  for (const int64_t step : {1, 9, 10, 13, 19}) {
    spec.first_epoch = step / 10;
    spec.first_step = step % 10;
    const auto rest = read_all(store, loader, spec);
    EXPECT_EQ(rest, std::vector(all.begin() + step, all.end())) << "from step " << step;
  }
}

TEST(BatchStream, ranks_share_each_batch) {
  auto spec = spec_of(ragged_units, 4, 30, 50);
  CountingLoader loader(ragged_units, 2);
  UnitStore store(1 << 20);
  auto whole = read_all(store, loader, spec);
  std::vector<std::vector<int64_t>> united(whole.size());
  for (int64_t rank = 0; rank < 2; ++rank) {
    spec.shard = {rank, 2};
    const auto part = read_all(store, loader, spec);
    ASSERT_EQ(part.size(), whole.size());
    for (size_t t = 0; t < part.size(); ++t) united[t].insert(united[t].end(), part[t].begin(), part[t].end());
  }
  for (size_t t = 0; t < whole.size(); ++t) {
    std::sort(whole[t].begin(), whole[t].end());
    std::sort(united[t].begin(), united[t].end());
    EXPECT_EQ(united[t], whole[t]);
  }
}

TEST(BatchStream, evaluation_order_is_that_of_the_files) {
  auto spec = spec_of(ragged_units, 1, 64, 50);
  spec.shuffled = false;
  CountingLoader loader(ragged_units, 3);
  UnitStore store(1 << 20);
  int64_t expected = 0;
  for (const auto& batch : read_all(store, loader, spec))
    for (const int64_t id : batch) EXPECT_EQ(id, expected++);
  EXPECT_EQ(expected, num_events);
}

TEST(BatchStream, a_full_cache_reads_every_unit_once) {
  auto spec = spec_of(ragged_units, 4, 1000, 50);
  spec.end_epoch = 5;
  CountingLoader loader(ragged_units, 2);
  UnitStore store(16 << 20);
  read_all(store, loader, spec);
  EXPECT_LE(loader.loads, static_cast<int64_t>(ragged_units.size()));
}

TEST(BatchStream, stays_within_the_budget_while_windows_change) {
  const std::vector<int64_t> units(64, 100);
  auto spec = spec_of(units, 2, 200, 64);
  CountingLoader loader(units, 2);
  UnitStore store(300'000);  // one window of 2 x 200 events touches at most 6 units of 20,000 bytes
  BatchStream stream(store, loader, spec);
  while (stream.next()) EXPECT_LE(store.held_bytes(), store.budget_bytes());
}

TEST(BatchStream, a_window_that_cannot_fit_is_an_error_not_a_hang) {
  const std::vector<int64_t> units(64, 100);
  CountingLoader loader(units, 2);
  UnitStore store(50'000);
  BatchStream stream(store, loader, spec_of(units, 4, 400, 64));
  EXPECT_THROW(while (stream.next()) {}, InputError);
}

TEST(BatchStream, a_failed_load_reaches_the_consumer) {
  CountingLoader loader(ragged_units, 2);
  loader.broken_unit = 4;
  UnitStore store(1 << 20);
  BatchStream stream(store, loader, spec_of(ragged_units, 4, 30, 50));
  EXPECT_THROW(while (stream.next()) {}, Error);
}

TEST(BatchStream, can_be_abandoned_at_any_time) {
  CountingLoader loader(ragged_units, 2);
  UnitStore store(300 * 1024);
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    auto spec = spec_of(ragged_units, 4, 30, 50);
    spec.end_epoch = 3;
    BatchStream stream(store, loader, spec);
    for (uint32_t i = random() % 25; i > 0; --i) ASSERT_TRUE(stream.next());
  }
}

}  // namespace
}  // namespace tev
