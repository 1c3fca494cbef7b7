#pragma once
// A struct with a key of every type, and what the tests do with it.

#include "base/config_fields.hpp"
#include "engine/config/overrides.hpp"
#include "engine/config/parse.hpp"
#include "tests/support/error_of.hpp"

#include <string>

namespace tev {

struct ColumnsConfig {
  std::string field;
  std::vector<int64_t> take;

  void declare(Fields& fields) {
    fields.add("field", field, "Dataset").required();
    fields.add("take", take, "Range");
  }
};

struct StepConfig {
  int64_t epochs = 10;
  double lr = 1e-3;
  std::string device = "auto";
  bool fused = true;
  int64_t threads = 0;

  void declare(Fields& fields) {
    fields.add("epochs", epochs, "Passes").at_least(1).unit("epochs");
    fields.add("lr", lr, "Step size | scale").above(0).at_most(10);
    fields.add("device", device, "Where").one_of({"auto", "cpu", "cuda"});
    fields.add("fused", fused, "One kernel");
    fields.add("threads", threads, "Threads").at_least(0).performance();
  }
};

struct SampleConfig {
  int64_t seed = 0;
  std::vector<std::string> files;
  std::vector<double> shares;
  std::vector<int64_t> phi = {100, 256};
  StepConfig train;
  std::vector<std::pair<std::string, ColumnsConfig>> objects;
  std::vector<std::pair<std::string, StringMap>> features;
  StringMap labels;

  void declare(Fields& fields) {
    fields.add("seed", seed, "Random seed");
    fields.add("files", files, "Files").expand_environment().location();
    fields.add("shares", shares, "Shares").at_least(0).at_most(1);
    fields.add("phi", phi, "Widths").at_least(1);
    fields.section("train", train, "Steps");
    fields.sections("objects", objects, "Objects");
    fields.add("features", features, "Features");
    fields.add("labels", labels, "Labels");
  }
};

inline SampleConfig parse_sample(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  ConfigNode root = read_config_text(yaml, "a.yaml");
  apply_overrides(root, overrides);
  SampleConfig config;
  parse(root, Fields::of(config));
  return config;
}

inline std::string parse_error(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return test::error_of<InputError>([&] { parse_sample(yaml, overrides); });
}

}  // namespace tev
