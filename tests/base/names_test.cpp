#include "base/names.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

TEST(JoinNames, SeparatesByCommasAndCutsLongLists) {
  EXPECT_EQ(join_names({}), "");
  EXPECT_EQ(join_names({"pt"}), "pt");
  EXPECT_EQ(join_names({"pt", "eta", "phi"}, 3), "pt, eta, phi");
  EXPECT_EQ(join_names({"pt", "eta", "phi", "E"}, 2), "pt, eta, ... (4 in all)");
}

TEST(SuggestName, GivesTheNearestCandidate) {
  EXPECT_EQ(suggest_name("part_pxx", {"part_py", "part_px", "weight"}), " Did you mean 'part_px'?");
  EXPECT_EQ(suggest_name("lr", {"lr"}), " Did you mean 'lr'?");
  EXPECT_EQ(suggest_name("pf", {"mlp", "pfn", "efn"}), " Did you mean 'pfn'?");
}

TEST(SuggestName, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(suggest_name("transformer", {"mlp", "pfn"}), "");
  EXPECT_EQ(suggest_name("pt", {}), "");
  // A third of a long name may differ, and two letters of a short one.
  EXPECT_EQ(suggest_name("abcdefghi", {"abcdefxyz"}), " Did you mean 'abcdefxyz'?");
  EXPECT_EQ(suggest_name("abcdefghi", {"abcdewxyz"}), "");
}

}  // namespace
}  // namespace tev
