#include "engine/record/jsonl.hpp"

#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <cmath>
#include <csignal>

namespace tev {
namespace {

using namespace test;  // the checks and the folder of tests/support

using JsonlTest = FolderTest;
using Json = nlohmann::ordered_json;

TEST_F(JsonlTest, AppendsOneObjectALineInTheOrderOfItsKeys) {
  const auto path = folder / "metrics.jsonl";
  JsonlWriter writer(path);
  writer.append(Json{{"step", 1}, {"loss", 0.5}, {"a", "x"}});
  EXPECT_EQ(text_of(path), "{\"step\":1,\"loss\":0.5,\"a\":\"x\"}\n");
  EXPECT_EQ(writer.size(), 30);
  JsonlWriter again(path);
  EXPECT_EQ(again.size(), 30);
  again.append(Json{{"nan", NAN}});
  EXPECT_EQ(text_of(path).substr(30), "{\"nan\":null}\n");
}

TEST_F(JsonlTest, WritesNumbersThatReadBackToTheSameBits) {
  JsonlWriter writer(folder / "x.jsonl");
  const std::vector<double> values = {0.1,    1.0 / 3, 1e-300, 0x1.fffffffffffffp-3, static_cast<double>(0.1f),
                                      5e-324, -0.0};
  writer.append(Json{{"v", values}});
  const auto read = Json::parse(text_of(folder / "x.jsonl"))["v"].get<std::vector<double>>();
  EXPECT_EQ(read, values);
  EXPECT_TRUE(std::signbit(read.back()));
}

TEST_F(JsonlTest, IsCutBackToTheLengthOfACheckpointAndGoesOnThere) {
  const auto path = folder / "metrics.jsonl";
  JsonlWriter writer(path);
  writer.append(Json{{"step", 1}});
  const int64_t length = writer.size();
  writer.append(Json{{"step", 2}});
  writer.truncate_to(length);
  writer.append(Json{{"step", 3}});
  EXPECT_EQ(text_of(path), "{\"step\":1}\n{\"step\":3}\n");
  EXPECT_EQ(
      error_of<InputError>([&] { writer.truncate_to(1000); }),
      path.string() +
          ": has 22 bytes (the checkpoint was made when it had 1000): lines were lost. Start again with --fresh.");
}

TEST_F(JsonlTest, CutsOffTheBeginningOfALineThatAKillLeft) {
  const auto path = folder / "timing.jsonl";
  put_text(path, "{\"a\":1}\n{\"a\":");
  JsonlWriter(path).append(Json{{"a", 2}});
  EXPECT_EQ(text_of(path), "{\"a\":1}\n{\"a\":2}\n");
}

TEST_F(JsonlTest, NamesTheFileThatCannotBeWritten) {
  EXPECT_EQ(error_of<InputError>([&] { JsonlWriter(folder / "no" / "x.jsonl"); }),
            (folder / "no" / "x.jsonl").string() + ": cannot be written (No such file or directory).");
  EXPECT_EQ(error_of<Error>([] {
              JsonlWriter("/dev/full").append(Json{{"a", 1}});
            }),
            "/dev/full: writing failed (No space left on device). Free some space there.");
}

TEST_F(JsonlTest, KeepsWholeLinesWhenTheFileMayNotGrow) {
  const auto path = folder / "x.jsonl";
  JsonlWriter writer(path);
  writer.append(Json{{"step", 1}});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit limit = before;
  limit.rlim_cur = 15;  // in the middle of the second line
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string error = error_of<Error>([&] { writer.append(Json{{"step", 2}}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error, path.string() + ": writing failed (File too large).");
  EXPECT_EQ(text_of(path), "{\"step\":1}\n");
}

}  // namespace
}  // namespace tev
