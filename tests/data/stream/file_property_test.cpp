// What must hold whatever the files, their chunks, the batches, the ranks, the threads and the memory.
//
// TEVATRAIN_SEED and TEVATRAIN_CASES choose other and more data sets; a failure names its seed and parameters.

#include "base/check.hpp"
#include "tests/data/stream/property_data.hpp"
#include "tests/support/strict_messages.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>

namespace tev {
namespace {

using test::Delivered;
using test::delivered;
using Batches = std::vector<std::vector<Delivered>>;

constexpr int64_t kEpochs = 2;

int64_t number_from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoll(text, nullptr, 10) : otherwise;
}

/// What batches depend on, and what they do not.
struct Parameters {
  uint64_t seed = 0;
  int64_t batch_size = 0;
  DataConfig config;

  std::string text() const {
    return c10::str("seed ", seed, ", batch_size ", batch_size, ", shuffle_rows ", config.shuffle_rows, ", select '", config.select,
                    "', split ", config.split.train, ", workers ", config.workers, ", prefetch ", config.prefetch, ", budget_mib ",
                    config.budget_mib);
  }
};

Parameters draw(const test::PropertyData& data, std::mt19937_64& random) {
  const auto between = [&](int64_t first, int64_t last) { return first + static_cast<int64_t>(random() % static_cast<uint64_t>(last - first + 1)); };
  Parameters parameters{random() % 1000, between(data.num_events / 60 + 1, data.num_events / 12), property_config(data)};
  DataConfig& config = parameters.config;
  config.shuffle_rows = between(0, 3) == 0 ? 0 : between(data.num_events / 16, data.num_events);
  config.budget_mib = 1024;
  if (between(0, 2) == 0) config.select = "number % 3 != 1";
  if (between(0, 2) == 0) {
    config.files = std::move(config.train);
    config.train.clear();
    config.split = {0.7, 0.2, 0.1};
  }
  return parameters;
}

Batches read_all(BatchStream& stream, int64_t most = -1) {
  Batches batches;
  while (static_cast<int64_t>(batches.size()) != most) {
    const auto batch = stream.next();
    if (!batch) break;
    batches.push_back(delivered(*batch));
  }
  return batches;
}

/// One data set, opened; messages must outlive the session.
struct Opened {
  test::StrictMessages messages;
  DataSession session;
  Cursor start;

  explicit Opened(const Parameters& parameters)
      : session(parameters.config, parameters.seed, messages), start(session.start_cursor(parameters.batch_size)) {}

  int64_t num_steps() const { return (session.num_events(Split::train) + start.batch_size - 1) / start.batch_size; }
  Batches read(int64_t first = 0, int64_t most = -1, ShardSpec shard = {}) {
    Cursor from = start;
    from.epoch = first / num_steps();
    from.step = first % num_steps();
    return read_all(*session.training_stream(from, kEpochs, shard), most);
  }
};

bool is_selected(const Parameters& parameters, int64_t id) { return parameters.config.select.empty() || id % 3 != 1; }

void expect_every_event_once_an_epoch(Opened& data, const Parameters& parameters, const Batches& batches, int64_t num_events) {
  std::vector<Delivered> held_back;
  for (const Split split : {Split::val, Split::test}) {
    if (!data.session.has(split)) continue;
    for (const auto& batch : read_all(*data.session.evaluation_stream(split, 64))) held_back.insert(held_back.end(), batch.begin(), batch.end());
  }
  const int64_t steps = data.num_steps();
  ASSERT_EQ(static_cast<int64_t>(batches.size()), kEpochs * steps);
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    std::set<int64_t> seen;
    for (const auto& event : held_back) EXPECT_TRUE(seen.insert(event.id).second) << "event " << event.id << " of val or test comes twice";
    for (int64_t step = 0; step < steps; ++step) {
      const auto& batch = batches[static_cast<size_t>(epoch * steps + step)];
      for (const auto& event : batch) EXPECT_TRUE(seen.insert(event.id).second) << "event " << event.id << " comes twice in epoch " << epoch;
      const int64_t size = std::min(parameters.batch_size, data.session.num_events(Split::train) - step * parameters.batch_size);
      if (parameters.config.select.empty()) {
        EXPECT_EQ(static_cast<int64_t>(batch.size()), size) << "step " << step;
      }
    }
    for (int64_t id = 0; id < num_events; ++id)
      EXPECT_EQ(seen.count(id), is_selected(parameters, id) ? 1U : 0U) << "event " << id << ", epoch " << epoch;
  }
}

/// The ranks' parts of each batch are the batch, each of them in its order.
void expect_ranks_share(Opened& data, const Batches& whole, int64_t world) {
  std::vector<std::map<int64_t, uint64_t>> joined(whole.size());
  for (int64_t rank = 0; rank < world; ++rank) {
    const Batches part = data.read(0, -1, {rank, world});
    ASSERT_EQ(part.size(), whole.size()) << "rank " << rank << " of " << world;
    for (size_t t = 0; t < part.size(); ++t) {
      size_t at = 0;
      for (const auto& event : part[t]) {
        EXPECT_TRUE(joined[t].emplace(event.id, event.content).second) << "event " << event.id << " on two ranks";
        while (at < whole[t].size() && whole[t][at] != event) ++at;
        EXPECT_LT(at, whole[t].size()) << "event " << event.id << " of rank " << rank << " is not in its place in batch " << t;
      }
    }
  }
  for (size_t t = 0; t < whole.size(); ++t) EXPECT_EQ(joined[t].size(), whole[t].size()) << "batch " << t << " of " << world << " ranks";
}

void expect_every_step_continues(Opened& data, const Batches& whole, std::mt19937_64& random) {
  const auto steps = static_cast<int64_t>(whole.size());
  const auto expect = [&](int64_t step, int64_t most) {
    const int64_t last = most < 0 ? steps : std::min(steps, step + most);
    EXPECT_EQ(data.read(step, most), Batches(whole.begin() + step, whole.begin() + last)) << "from step " << step;
  };
  for (int64_t step = 0; step < steps; ++step) expect(step, 2);
  expect(static_cast<int64_t>(random() % static_cast<uint64_t>(steps)), -1);
}

/// The smallest budget that holds the window, and others; threads and prefetch of any number.
void expect_resources_do_not_matter(Parameters parameters, const Batches& whole, std::mt19937_64& random) {
  for (const int64_t workers : {2, 3, 4}) {
    parameters.config.workers = workers;
    parameters.config.prefetch = 1 + static_cast<int64_t>(random() % 8);
    for (const int64_t budget : {8, 12, 16, 24, 32, 48, 64, 96, 128, 256}) {
      parameters.config.budget_mib = budget;
      SCOPED_TRACE(parameters.text());
      try {
        EXPECT_EQ(Opened(parameters).read(), whole);
        break;
      } catch (const InputError& error) {
        ASSERT_NE(std::string(error.what()).find("data.budget_mib"), std::string::npos) << error.what();
        ASSERT_LT(budget, 256) << error.what();
      }
    }
  }
}

TEST(FileProperties, EveryEventOnceInBatchesThatDependOnTheSeedAlone) {
  const auto seed = static_cast<uint64_t>(number_from_environment("TEVATRAIN_SEED", 1));
  const auto sets = test::make_property_data(seed, number_from_environment("TEVATRAIN_CASES", 6));
  std::set<int64_t> worlds_seen;
  std::set<std::string> layouts_seen;
  for (size_t i = 0; i < sets.size() && !HasFailure(); ++i) {
    std::mt19937_64 random(seed * 1000 + i);
    const Parameters parameters = draw(sets[i], random);
    Opened data(parameters);
    SCOPED_TRACE(c10::str("TEVATRAIN_SEED=", seed, ", data set ", i, " (", sets[i].layout, ", ", sets[i].num_events, " events): ", parameters.text(),
                          ", lanes ", data.start.lanes, ", window_rows ", data.start.window_rows));
    const Batches whole = data.read();
    expect_every_event_once_an_epoch(data, parameters, whole, sets[i].num_events);
    for (const int64_t world : {2, 4, 8}) {
      if (data.start.lanes % world != 0) continue;
      worlds_seen.insert(world);
      expect_ranks_share(data, whole, world);
    }
    expect_every_step_continues(data, whole, random);
    expect_resources_do_not_matter(parameters, whole, random);
    layouts_seen.insert(sets[i].layout);
  }
  if (HasFailure() || seed != 1) return;
  EXPECT_EQ(worlds_seen, (std::set<int64_t>{2, 4, 8}));  // else the chosen data sets prove less than they seem to
  EXPECT_EQ(layouts_seen, (std::set<std::string>{"compound", "dense", "flat"}));
}

}  // namespace
}  // namespace tev
