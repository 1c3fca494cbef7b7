#include "data/transform/file_classes.hpp"

#include "tests/support/error_of.hpp"

#include <gtest/gtest.h>

namespace tev {
namespace {

std::vector<int64_t> classes(const NamedLists& files, const std::vector<std::string>& paths) {
  LabelConfig config;
  config.files = files;
  return file_classes(config, paths);
}

std::string error(const NamedLists& files, const std::vector<std::string>& paths) {
  return test::error_of<InputError>([&] { classes(files, paths); });
}

TEST(FileClasses, PatternsAreComparedWithTheEndOfThePath) {
  const NamedLists by_name = {{"background", {"bkg*.h5"}}, {"signal", {"sig1.h5", "sig2.h5"}}};
  EXPECT_EQ(classes(by_name, {"/data/sig/bkg_3.h5", "sig2.h5", "../sig1.h5"}), (std::vector<int64_t>{0, 1, 1}));
  const NamedLists by_folder = {{"background", {"bkg/*.h5"}}, {"signal", {"sig/*.h5"}}};
  EXPECT_EQ(classes(by_folder, {"/data/sig/bkg.h5", "bkg/sig.h5", "/sig/x.h5"}), (std::vector<int64_t>{1, 0, 1}));
  const NamedLists whole = {{"background", {"/data/*/x.h5"}}, {"signal", {"./y.h5"}}};
  EXPECT_EQ(classes(whole, {"/data/a/x.h5", "/other/y.h5"}), (std::vector<int64_t>{0, 1}));
  EXPECT_TRUE(classes({}, {"x.h5"}).empty());
}

TEST(FileClasses, AFileOfNoClassOrOfTwoIsRefused) {
  EXPECT_EQ(error({{"background", {"bkg*.h5"}}, {"signal", {"sig*.h5"}}}, {"bkg.h5", "data.h5"}),
            "data.label.files: data.h5 fits no class (patterns: bkg*.h5, sig*.h5). Add a pattern for it, or take the file out.");
  EXPECT_EQ(error({{"background", {"*bkg*.h5"}}, {"signal", {"sig*.h5"}}}, {"sig_bkg.h5"}),
            "data.label.files: sig_bkg.h5 fits the classes background, signal (the events of a file are of one class). Make the patterns narrower.");
  EXPECT_EQ(error({{"a", {"x/*.h5"}}, {"b", {"/data/*.h5"}}}, {"/data/x/1.h5", "/data/y/1.h5"}),
            "data.label.files: /data/y/1.h5 fits no class (patterns: x/*.h5, /data/*.h5). Add a pattern for it, or take the file out.");
}

}  // namespace
}  // namespace tev
