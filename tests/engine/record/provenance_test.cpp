#include "engine/record/provenance.hpp"

#include "tests/support/temporary_folder.hpp"

#include <nlohmann/json.hpp>

namespace tev {
namespace {

using ProvenanceTest = test::FolderTest;

TEST_F(ProvenanceTest, AddsASessionForEveryProcessOfARun) {
  const auto path = folder / "provenance.json";
  Provenance provenance;
  provenance.command_line = {"tevatrain", "train", "pfn.yaml"};
  provenance.resolved_config = "seed: 1\n";
  provenance.data_fingerprint = "f00";
  provenance.versions = {{"torch", "2.11.0"}, {"hdf5", "1.10.8"}};
  provenance.threads = 2;
  add_provenance(path, provenance);
  provenance.from_step = 120;
  provenance.resolved_config = "seed: 2\n";
  add_provenance(path, provenance);
  const auto sessions = nlohmann::json::parse(test::text_of(path))["sessions"];
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0]["from_step"], 0);
  EXPECT_EQ(sessions[1]["from_step"], 120);
  EXPECT_EQ(sessions[0]["command_line"].size(), 3u);
  EXPECT_EQ(sessions[0]["versions"]["torch"], "2.11.0");
  EXPECT_EQ(sessions[0]["data_fingerprint"], "f00");
  EXPECT_EQ(sessions[0]["threads"], 2);
  EXPECT_NE(sessions[0]["config_hash"], sessions[1]["config_hash"]);
  EXPECT_EQ(sessions[0]["commit"], source_commit());
  EXPECT_TRUE(source_commit() == "unknown" || source_commit().size() >= 40) << source_commit();
  for (const char* key : {"started", "host", "cpu"}) EXPECT_FALSE(sessions[0][key].get<std::string>().empty()) << key;
}

}  // namespace
}  // namespace tev
