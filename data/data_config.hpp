#pragma once
// The `data` section of a configuration.

#include "base/config_fields.hpp"
#include "data/label_config.hpp"
#include "data/readers/registry.hpp"
#include "data/weight_config.hpp"

namespace tev {

/// Where the columns of one object come from. The key `event` is one row an event; every other key is ragged.
struct ObjectConfig {
  std::string field;
  std::vector<int64_t> take;
  std::vector<std::string> as;
  std::vector<std::string> columns;
  std::string offsets, counts, extents;
  std::string valid;

  void declare(Fields& fields) {
    fields.add("field", field, "Dataset, group of columns (reader flat) or block of the table (reader pandas_table)").required();
    fields.add("take", take, "Half-open range [first, last) of the flattened values of an event; empty: all of them");
    fields.add("as", as, "Column names. The values of an event are read as rows of this many columns");
    fields.add("columns", columns, "Members of a compound dataset, or datasets of a group, to read; `as` may rename them");
    fields.add("offsets", offsets, "Reader flat: dataset of where the rows of each event begin; the last one may be followed by the end");
    fields.add("counts", counts, "Reader flat: dataset of how many rows each event has, or of pairs of event and count");
    fields.add("extents", extents, "Reader flat: dataset of records (first, N): the rows of each event; a group's own `extents` or `offsets` need no naming");
    fields.add("valid", valid, "Expression over the columns: rows where it is false are dropped when read; empty: keep all");
  }
};

/// Shares of `data.files` when there is one set of files for all three uses.
struct SplitConfig {
  double train = 0, val = 0, test = 0;

  void declare(Fields& fields) {
    fields.add("train", train, "Share of the events of data.files for training").at_least(0).at_most(1);
    fields.add("val", val, "Share for validation").at_least(0).at_most(1);
    fields.add("test", test, "Share for the final test").at_least(0).at_most(1);
  }
};

struct DataConfig {
  std::string reader = "pandas_table";
  std::vector<std::string> train, val, test, files;
  SplitConfig split;
  std::vector<std::pair<std::string, ObjectConfig>> objects;
  LabelConfig label;
  WeightConfig weight;
  std::string select;
  std::vector<std::pair<std::string, StringMap>> features;
  std::vector<std::string> raw_features;
  std::string standardise = "mean_std";
  std::string faults = "stop";
  int64_t shuffle_rows = 0;
  int64_t budget_mib = 0;
  int64_t workers = 1;
  int64_t prefetch = 4;

  void declare(Fields& fields) {
    fields.add("reader", reader, "Layout of the files").one_of(reader_names());
    fields.add("train", train, "Training files: a path, a glob or a list; ${NAME} is taken from the environment")
        .expand_environment().location();
    fields.add("val", val, "Validation files").expand_environment().location();
    fields.add("test", test, "Test files, used once after training").expand_environment().location();
    fields.add("files", files, "One set of files for all three uses, cut by data.split").expand_environment().location();
    fields.section("split", split, "How data.files is cut");
    fields.sections("objects", objects, "Objects of an event and their columns").required();
    fields.section("label", label, "The class of an event");
    fields.section("weight", weight, "The weight of an event");
    fields.add("select", select, "Expression over the columns of `event`: events where it is false are left out of their batches, which get smaller");
    fields.add("features", features, "Model inputs: features.<object>.<name>: <expression>");
    fields.add("raw_features", raw_features, "Features that are not standardised, as <object>.<name>, e.g. the momentum fraction of an EFN");
    fields.add("standardise", standardise, "Shift and scale of every feature, fitted on the training split over valid rows")
        .one_of({"mean_std", "median_width", "none"});
    fields.add("faults", faults, "Files and chunks that cannot be read: `stop`, or `skip` their events, which are left out of their batches; each is named once")
        .one_of({"stop", "skip"});
    fields.add("shuffle_rows", shuffle_rows, "Events among which a batch is drawn; 0: 262144, or more where events are small or chunks large").at_least(0).unit("events");
    fields.add("budget_mib", budget_mib, "Memory that loading may hold; 0: a quarter of the memory of the machine or cgroup")
        .at_least(0).unit("MiB").performance();
    fields.add("workers", workers, "Threads that read and decode chunks, drop invalid rows and compute features").at_least(1).at_most(256).performance();
    fields.add("prefetch", prefetch, "Batches made ahead of the training step").at_least(1).performance();
  }
};

}  // namespace tev
