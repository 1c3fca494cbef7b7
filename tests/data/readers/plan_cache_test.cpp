#include "data/readers/plan_cache.hpp"

#include "data/readers/dense_reader.hpp"
#include "data/readers/flat_reader.hpp"
#include "data/readers/record_reader.hpp"
#include "tests/data/test_files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <ATen/ops/equal.h>

#include <fstream>

namespace tev {
namespace {

using test::request;
using test::test_file;

std::vector<FieldRequest> flat_requests() {
  FieldRequest voxels = request("voxels/voxels", test::As::float32, {"id", "value"});
  voxels.rows_kind = RowsKind::extents;
  voxels.rows = "voxels/extents";
  return {voxels};
}

void expect_equal_reading(const FilePlan& plan, CatalogThread& thread) {
  const auto direct = read_planned(plan, thread), again = read_planned(plan_from_bytes(to_bytes(plan)), thread);
  ASSERT_EQ(direct->num_events(), again->num_events());
  ASSERT_EQ(direct->units().size(), again->units().size());
  EXPECT_EQ(direct->signatures(), again->signatures());
  EXPECT_EQ(direct->scratch_bytes(), again->scratch_bytes());
  const auto wanted = direct->read(0, direct->num_events()), got = again->read(0, again->num_events());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_TRUE(at::equal(wanted[i].values, got[i].values));
    EXPECT_TRUE(!wanted[i].offsets.defined() || at::equal(wanted[i].offsets, got[i].offsets));
  }
}

TEST(PlanArchive, APlanReadsTheSameAfterAStay) {
  CatalogThread thread;
  expect_equal_reading(plan_file(test_file("dense.h5"), {request("x"), request("showers/cells"), request("int/i1", test::As::int64)}, thread, dense_fields),
                       thread);
  expect_equal_reading(plan_file(test_file("dense.h5"), {request("ragged")}, thread, dense_fields), thread);
  expect_equal_reading(plan_file(test_file("flat.h5"), flat_requests(), thread, flat_fields), thread);
}

TEST(PlanArchive, EveryTruncationIsRefused) {
  CatalogThread thread;
  const std::string bytes = to_bytes(plan_file(test_file("flat.h5"), flat_requests(), thread, flat_fields));
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_THROW(plan_from_bytes(std::string_view(bytes).substr(0, size)), Error) << size;
  EXPECT_THROW(plan_from_bytes(bytes + "x"), Error);
}

TEST(PlanArchive, AChangedByteIsRefusedOrIsAPlanThatHoldsTogether) {
  CatalogThread thread;
  const std::string bytes = to_bytes(plan_file(test_file("flat.h5"), flat_requests(), thread, flat_fields));
  int refused = 0;
  for (size_t i = 0; i < 2 * bytes.size(); ++i) {
    std::string changed = bytes;
    char& byte = changed[i / 2];
    byte = i % 2 == 0 ? static_cast<char>(byte ^ 0x42) : '\0';
    try {
      const FilePlan plan = plan_from_bytes(changed);
      ASSERT_EQ(to_bytes(plan), changed) << i;
      for (const auto& field : plan.records.fields) {
        ASSERT_FALSE(field.parts.empty()) << i;
        ASSERT_GT(field.record_width, 0) << i;
        for (const auto& part : field.parts) {
          ASSERT_LT(part.source, plan.records.sources.size()) << i;
          ASSERT_LT(static_cast<size_t>(part.member), plan.records.sources[part.source].record.members.size()) << i;
        }
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

class PlanCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy_file(test_file("dense.h5"), path);
    keep();
  }
  void keep() { cache.keep(plan_file(path, requests, thread, dense_fields), "dense", requests); }
  bool is_known() const { return cache.find(path, "dense", requests).has_value(); }

  test::TemporaryFolder folder;
  const std::string path = folder.path / "dense.h5";
  const std::vector<FieldRequest> requests{request("x")};
  const PlanCache cache{folder.path / "cache"};
  CatalogThread thread;
};

TEST_F(PlanCacheTest, KnowsAFileUntilItChanges) {
  ASSERT_TRUE(is_known());
  expect_equal_reading(*cache.find(path, "dense", requests), thread);
  EXPECT_FALSE(cache.find(path, "flat", requests));
  EXPECT_FALSE(cache.find(path, "dense", {request("x", test::As::stored)}));
  EXPECT_FALSE(cache.find(test_file("dense.h5"), "dense", requests)) << "a copy";
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  EXPECT_FALSE(is_known());
  keep();
  std::ofstream(path, std::ios::app) << "more";
  EXPECT_FALSE(is_known());
}

TEST_F(PlanCacheTest, ADamagedPlanIsNone) {
  std::filesystem::path plan;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path / "cache"))
    if (entry.is_regular_file()) plan = entry.path();
  std::string bytes(std::filesystem::file_size(plan), '\0');
  std::ifstream(plan, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    std::ofstream(plan, std::ios::binary) << damaged;
    EXPECT_FALSE(is_known()) << i;
  }
  std::ofstream(plan, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  EXPECT_FALSE(is_known());
  std::ofstream(plan, std::ios::binary) << bytes;
  EXPECT_TRUE(is_known());
}

TEST_F(PlanCacheTest, APlanWithoutSenseIsNone) {
  FilePlan plan = *cache.find(path, "dense", requests);
  plan.records.fields[0].record_width = 0;
  cache.keep(plan, "dense", requests);
  EXPECT_FALSE(is_known());
}

TEST_F(PlanCacheTest, WhatCannotBeWrittenIsNotKept) {
  std::ofstream(folder.path / "file") << "no folder";
  const PlanCache other(folder.path / "file");
  other.keep(plan_file(path, requests, thread, dense_fields), "dense", requests);
  EXPECT_FALSE(other.find(path, "dense", requests));
}

}  // namespace
}  // namespace tev
