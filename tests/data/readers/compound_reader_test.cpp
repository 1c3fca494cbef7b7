#include "data/readers/compound_reader.hpp"

#include "tests/data/test_files.hpp"

namespace tev {
namespace {

using namespace test;  // the files and the requests of tests/data/test_files.hpp

std::unique_ptr<Reader> open(const std::vector<FieldRequest>& wanted) {
  return open_test_file("compound", "compound.h5", wanted);
}

TEST(Compound, MembersOfPaddedObjectsAreInterleaved) {
  const auto reader = open({request("tracks", As::float32, {"valid", "z0", "d0"})});
  ASSERT_EQ(reader->widths(), (std::vector<int64_t>{120}));
  const auto rows = values_of(*reader, 15, 30)[0];
  const float* values = rows.const_data_ptr<float>();
  for (int64_t i = 0; i < 30; ++i)
    for (int64_t j = 0; j < 40; ++j) {
      const float* track = values + (i * 40 + j) * 3;
      const double z0 = value(15 + i, j);
      ASSERT_EQ(track[0], j < (15 + i) % 40 ? 1.0f : 0.0f);
      ASSERT_EQ(track[1], static_cast<float>(z0));
      ASSERT_EQ(track[2], static_cast<float>(static_cast<int64_t>(z0) % 512));
    }
}

TEST(Compound, ObjectsEventAndLabelComeFromOneFile) {
  const auto reader = open({request("tracks", As::float32, {"hits"}), request("jets", As::float32, {"n", "pt"}),
                            request("jets", As::int64, {"flavour"}), request("label", As::int64)});
  EXPECT_EQ(reader->units().at(0).stored_bytes, kRows * (40 * 2 + (1 + 4 + 4) + 8));
  const auto tensors = values_of(*reader, 95, 10);
  for (int64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(tensors[0].const_data_ptr<float>()[i * 40 + 3],
              static_cast<float>(static_cast<int64_t>(value(95 + i, 3)) % 7));
    EXPECT_EQ(tensors[1].const_data_ptr<float>()[i * 2], static_cast<float>((95 + i) % 40));
    EXPECT_EQ(tensors[1].const_data_ptr<float>()[i * 2 + 1], static_cast<float>(95 + i));
    EXPECT_EQ(tensors[2].const_data_ptr<int64_t>()[i], (95 + i) % 3);
    EXPECT_EQ(tensors[3].const_data_ptr<int64_t>()[i], (95 + i) % 3);
  }
}

TEST(Compound, ArrayMembersAreFlattenedAndRangesCutAcrossMembers) {
  const auto rows = values_of(*open({request("jets", As::float32, {"pt", "p4", "n"}, 2, 6)}), 7, 2)[0];
  const float* values = rows.const_data_ptr<float>();
  EXPECT_EQ(std::vector<float>(values, values + 8), (std::vector<float>{701, 702, 703, 7, 801, 802, 803, 8}));
}

TEST(Compound, UnknownMemberIsSuggested) {
  EXPECT_EQ(open_error("compound", "compound.h5", request("tracks", As::float32, {"d0", "zO"})),
            "data.objects.part.columns: compound.h5: 'tracks' has no member 'zO' (members: d0, z0, hits, valid). Did "
            "you mean 'z0'?");
  EXPECT_EQ(open_error("compound", "compound.h5", request("jets", As::int64, {"flavor"})),
            "data.label.column: compound.h5: 'jets' has no member 'flavor' (members: pt, n, flavour, name, p4). Did "
            "you mean 'flavour'?");
}

TEST(Compound, TextMemberIsRefused) {
  EXPECT_EQ(open_error("compound", "compound.h5", request("jets", As::float32, {"pt", "name"})),
            "data.objects.part.field: compound.h5: 'name' is string (numbers were expected). Choose another field.");
}

TEST(Compound, MembersOfAPlainDatasetAreRefused) {
  EXPECT_EQ(
      open_error("compound", "compound.h5", request("label", As::int64, {"flavour"})),
      "data.label.column: compound.h5: 'label' has no members, it is a plain dataset of int64. Leave the key out.");
}

}  // namespace
}  // namespace tev
