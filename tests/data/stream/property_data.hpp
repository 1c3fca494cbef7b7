#pragma once
// The data sets of make_property_files.py, and the law that every event of theirs obeys.

#include "data/stream/data_session.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace tev::test {

struct PropertyData {
  std::string folder;
  std::string layout;
  std::string rows_of_part, rows_of_hit;  ///< offsets, counts or extents, for the layout flat
  int64_t num_events = 0;
};

/// Writes `count` data sets into a folder of this process.
std::vector<PropertyData> make_property_data(uint64_t seed, int64_t count);

/// The configuration that reads all of it. Features are the columns as they are.
DataConfig property_config(const PropertyData& data);

/// An event of a batch: its number, and a hash of all bits that belong to it.
struct Delivered {
  int64_t id = 0;
  uint64_t content = 0;
  bool operator==(const Delivered&) const = default;
};

/// The events of a batch in their order. Fails the test where an event's rows are not those that its checksums tell.
std::vector<Delivered> delivered(const Batch& batch);

}  // namespace tev::test
