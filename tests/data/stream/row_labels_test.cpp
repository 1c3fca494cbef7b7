// Labels of rows: every row with its own, in any order, whatever is dropped.

#include "data/stream/data_session.hpp"
#include "data/write/h5_writer.hpp"
#include "tests/data/test_files.hpp"
#include "tests/support/strict_messages.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <set>

namespace tev {
namespace {

using test::error_of;
using test::test_file;

constexpr int64_t kEvents = 3000;

/// Event i has i % 5 rows; row r of all has x = r and the class 10 * (r % 3); met = i of its event.
std::string rows_file() {
  const std::string path = test_file("row_labels.h5");
  H5Writer writer(path);
  const at::Tensor events = at::arange(kEvents, at::kLong), counts = events.remainder(5);
  const at::Tensor offsets = at::cat({at::zeros({1}, at::kLong), counts.cumsum(0)});
  const at::Tensor rows = at::arange(offsets[-1].item<int64_t>(), at::kLong);
  writer.append("part/x", rows.to(at::kFloat));
  writer.append("part/kind", rows.remainder(3).mul(10));
  writer.append("part/offsets", offsets);
  writer.append("shifted/kind", rows.remainder(3).mul(10));
  writer.append("shifted/offsets", offsets.roll(1, 0).index_fill(0, at::tensor({0}, at::kLong), 0).index_fill(0, at::tensor({kEvents}, at::kLong), offsets[-1]));
  writer.append("met", events.to(at::kFloat));
  writer.append("weight", events.add(1).to(at::kFloat));
  writer.close();
  return path;
}

DataConfig rows_config() {
  DataConfig config;
  config.reader = "flat";
  ObjectConfig event, part;
  event.field = "met";
  event.as = {"met"};
  part.field = "part";
  part.columns = {"x"};
  part.valid = "x % 7 != 0";
  config.objects = {{"event", event}, {"part", part}};
  config.label.object = "part";
  config.label.column = "kind";
  config.label.classes = {{"none", {"0"}}, {"ten", {"10"}}, {"twenty", {"20"}}};
  config.weight.field = "weight";
  config.features = {{"part", {{"x", "x"}}}};
  config.standardise = "none";
  config.train = {rows_file()};
  config.select = "met % 11 != 0";
  config.shuffle_rows = 500;
  return config;
}

/// Checks every row of a batch; returns how many.
int64_t check_rows(const Batch& batch, std::set<int64_t>& seen) {
  const Column& part = batch.inputs.at("part");
  EXPECT_TRUE(part.offsets.equal(batch.label_offsets));
  EXPECT_EQ(batch.label.size(0), part.values.size(0));
  EXPECT_EQ(batch.weight.sizes(), batch.label.sizes());
  for (int64_t event = 0; event < batch.size(); ++event) {
    const auto [first, last] = batch.labels_of(event);
    const int64_t id = batch.sample_id[event].item<int64_t>();
    EXPECT_NE(id % 11, 0);
    for (int64_t row = first; row < last; ++row) {
      const auto x = part.values[row][0].item<int64_t>();
      EXPECT_NE(x % 7, 0);
      EXPECT_TRUE(seen.insert(x).second) << "row " << x << " twice";
      EXPECT_EQ(batch.label[row].item<int64_t>(), x % 3);
      EXPECT_EQ(batch.weight[row].item<int64_t>(), id + 1);
    }
  }
  return batch.label.size(0);
}

TEST(RowLabels, BelongToTheirRowsInAnyOrder) {
  test::StrictMessages messages;
  DataSession session(rows_config(), 1, messages);
  EXPECT_EQ(session.spec().label_object, "part");
  int64_t expected = 0;
  for (int64_t i = 0, row = 0; i < kEvents; ++i)
    for (int64_t k = 0; k < i % 5; ++k, ++row) expected += i % 11 != 0 && row % 7 != 0;
  for (const bool shuffled : {true, false}) {
    const auto stream = shuffled ? session.training_stream(session.start_cursor(64), 1) : session.evaluation_stream(Split::train, 64);
    std::set<int64_t> seen;
    int64_t rows = 0;
    while (const auto batch = stream->next()) rows += check_rows(*batch, seen);
    EXPECT_EQ(rows, expected);
  }
}

TEST(RowLabels, AreCountedAndBalanced) {
  DataConfig config = rows_config();
  config.weight.balance = {{"none", {"1"}}, {"ten", {"2"}}, {"twenty", {"1"}}};
  test::StrictMessages messages;
  DataSession session(config, 1, messages);
  const TrainingSummary summary = session.summarise().value();
  EXPECT_EQ(summary.num_events, kEvents - (kEvents + 10) / 11);
  session.training_weights().set_factors(session.fit_weights(summary.weights).factors);
  std::vector<double> sums(3);
  std::vector<int64_t> counts(3);
  const auto stream = session.training_stream(session.start_cursor(64), 1);
  while (const auto batch = stream->next())
    for (int64_t row = 0; row < batch->label.size(0); ++row) {
      sums[static_cast<size_t>(batch->label[row].item<int64_t>())] += batch->weight[row].item<double>();
      ++counts[static_cast<size_t>(batch->label[row].item<int64_t>())];
    }
  EXPECT_EQ(counts, summary.class_labels);
  EXPECT_NEAR(sums[1] / sums[0], 2, 1e-4);
  EXPECT_NEAR(sums[2] / sums[0], 1, 1e-4);
  EXPECT_NEAR((sums[0] + sums[1] + sums[2]) / static_cast<double>(counts[0] + counts[1] + counts[2]), summary.mean_weight(), 1e-4 * summary.mean_weight());
}

TEST(RowLabels, NameTheRowThatHasNoClass) {
  DataConfig config = rows_config();
  config.label.classes = {{"none", {"0"}}, {"ten", {"10"}}};
  test::StrictMessages messages;
  // Event 2 has rows 1 and 2, the second of class 20; the first is dropped.
  config.objects[1].second.valid = "x != 1";
  EXPECT_EQ(test::file_error<InputError>([&] { DataSession(config, 1, messages).summarise(); }),
            "row_labels.h5: event 2: row 1 of 'part': data.label is 20 (expected 0, 10 for the classes none, ten). Correct data.label or list all classes; "
            "data.objects.part.valid can drop such rows.");
}

TEST(RowLabels, MustBeAsManyAsTheRows) {
  DataConfig config = rows_config();
  config.label.field = "shifted";  // as many in all, but other ones of each event
  config.label.column = "kind";
  test::StrictMessages messages;
  EXPECT_EQ(test::file_error<InputError>([&] { DataSession(config, 1, messages).summarise(); }),
            "row_labels.h5: data.label has 6000 values for 6000 rows of 'part' (one a row was expected, divided into events as they are). Correct data.label.field.");
}

TEST(RowLabels, RefuseWhatOnlyEventsHave) {
  DataConfig config = rows_config();
  config.label.object = "parts";
  test::StrictMessages messages;
  EXPECT_EQ(error_of<InputError>([&] { DataSession(config, 1, messages); }), "data.label.object: no object 'parts' (objects: event, part). Did you mean 'part'?");
  config = rows_config();
  ReweightVariable met;
  met.range = {0, 100};
  met.bins = 4;
  config.weight.reweight.variables = {{"met", met}};
  EXPECT_EQ(error_of<InputError>([&] { DataSession(config, 1, messages); }),
            "data.weight.reweight: given with data.label.object 'part' (it changes distributions of events, which have no class then). Leave it out; "
            "data.weight.balance weighs the classes of rows.");
}

}  // namespace
}  // namespace tev
