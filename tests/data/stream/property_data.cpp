#include "tests/data/stream/property_data.hpp"

#include "base/check.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <fstream>

namespace tev::test {
namespace {

// The features' order in the configuration below.
enum EventFeature { kNumber, kChecksumPart, kChecksumHit, kRowsPart, kRowsHit, kEventFeatures };
const std::vector<std::string> kEventColumns{"number", "checksum_part", "checksum_hit", "rows_part", "rows_hit"};
const std::vector<std::string> kPartColumns{"v", "w", "number", "k", "c", "d"};
const std::vector<std::string> kHitColumns{"v", "w"};

ObjectConfig object_config(const PropertyData& data, const std::string& name, const std::vector<std::string>& columns, const std::string& rows) {
  ObjectConfig object;
  object.field = name;
  (data.layout == "dense" ? object.as : object.columns) = columns;
  if (name == "event") return object;
  if (data.layout == "flat") {
    (rows == "offsets" ? object.offsets : rows == "counts" ? object.counts : object.extents) = "index/" + name;
  } else if (data.layout == "compound") {
    object.columns.push_back("valid");
    object.valid = "valid > 0";
  } else {
    object.valid = "v > 0";
  }
  return object;
}

StringMap columns_as_they_are(const std::vector<std::string>& columns) {
  StringMap features;
  for (const auto& column : columns) features.emplace_back(column, column);
  return features;
}

void mix(uint64_t& hash, uint64_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 29); }

/// One event's rows of a ragged object.
struct Rows {
  const float* values;
  int64_t first, last, width;

  Rows(const Batch& batch, const std::string& object, int64_t event) {
    const Column& column = batch.inputs.at(object);
    values = column.values.const_data_ptr<float>();
    first = column.offsets.const_data_ptr<int64_t>()[event];
    last = column.offsets.const_data_ptr<int64_t>()[event + 1];
    width = column.values.size(1);
  }
  float at(int64_t row, int64_t column) const { return values[(first + row) * width + column]; }
  int64_t count() const { return last - first; }
  double checksum() const {
    double sum = 0;
    for (int64_t k = 0; k < count(); ++k) sum += static_cast<double>(k + 1) * at(k, 0) + at(k, 1);
    return sum;
  }
  void mix_into(uint64_t& hash) const {
    for (int64_t i = first * width; i < last * width; ++i) mix(hash, std::bit_cast<uint32_t>(values[i]));
  }
};

}  // namespace

std::vector<PropertyData> make_property_data(uint64_t seed, int64_t count) {
  static const TemporaryFolder folder;
  const std::string path = folder.path / std::to_string(seed);
  std::filesystem::create_directory(path);
  const std::string command = c10::str(TEV_PYTHON, " tests/data/stream/make_property_files.py ", path, " ", seed, " ", count);
  if (std::system(command.c_str()) != 0) throw Error("the test files could not be made: " + command);
  std::ifstream list(path + "/list.txt");
  std::vector<PropertyData> sets;
  for (PropertyData data; list >> data.layout >> data.rows_of_part >> data.rows_of_hit >> data.num_events;) {
    data.folder = path + "/" + std::to_string(sets.size());
    sets.push_back(data);
  }
  return sets;
}

DataConfig property_config(const PropertyData& data) {
  DataConfig config;
  config.reader = data.layout;
  config.train = {data.folder + "/*.h5"};
  config.objects = {{"event", object_config(data, "event", kEventColumns, "")},
                    {"part", object_config(data, "part", kPartColumns, data.rows_of_part)},
                    {"hit", object_config(data, "hit", kHitColumns, data.rows_of_hit)}};
  if (data.layout == "compound") {
    config.label.field = "event";
    config.label.column = "label";
  } else {
    config.label.field = data.layout == "flat" ? "event/label" : "label";
  }
  config.label.classes = {{"even", {}}, {"odd", {}}};
  config.features = {{"event", columns_as_they_are(kEventColumns)}, {"part", columns_as_they_are(kPartColumns)},
                     {"hit", columns_as_they_are(kHitColumns)}};
  config.standardise = "none";
  return config;
}

std::vector<Delivered> delivered(const Batch& batch) {
  std::vector<Delivered> events;
  const float* event = batch.inputs.at("event").values.const_data_ptr<float>();
  for (int64_t i = 0; i < batch.size(); ++i, event += kEventFeatures) {
    const int64_t id = batch.sample_id.const_data_ptr<int64_t>()[i];
    const int64_t label = batch.label.const_data_ptr<int64_t>()[i];
    const Rows part(batch, "part", i), hit(batch, "hit", i);
    EXPECT_EQ(event[kNumber], static_cast<float>(id));
    EXPECT_EQ(label, id % 2) << "event " << id;
    EXPECT_EQ(static_cast<float>(part.count()), event[kRowsPart]) << "event " << id;
    EXPECT_EQ(static_cast<float>(hit.count()), event[kRowsHit]) << "event " << id;
    EXPECT_EQ(part.checksum(), event[kChecksumPart]) << "event " << id;
    EXPECT_EQ(hit.checksum(), event[kChecksumHit]) << "event " << id;
    bool own_rows = true;
    for (int64_t k = 0; k < part.count(); ++k)
      own_rows = own_rows && part.at(k, 2) == static_cast<float>(id) && part.at(k, 3) == static_cast<float>(k);
    EXPECT_TRUE(own_rows) << "event " << id << " has rows of another one";
    uint64_t content = 0;
    for (int feature = 0; feature < kEventFeatures; ++feature) mix(content, std::bit_cast<uint32_t>(event[feature]));
    mix(content, static_cast<uint64_t>(label));
    mix(content, std::bit_cast<uint32_t>(batch.weight.const_data_ptr<float>()[i]));
    part.mix_into(content);
    hit.mix_into(content);
    events.push_back({id, content});
  }
  return events;
}

}  // namespace tev::test
